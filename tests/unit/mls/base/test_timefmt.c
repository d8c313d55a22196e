/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "base/timefmt.h"

static int setup(void **state)
{
    setenv("TZ", "America/New_York", 1); /* must not matter */
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static const struct {
    apr_time_t time;
    const char *rfc3339, *contract;
} written[] = {
    { 0, "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.0000000" },
    { APR_INT64_C(1479665709917656), "2016-11-20T18:15:09.917656Z",
      "2016-11-20T18:15:09.9176560" },
    { APR_INT64_C(1709210096000001), "2024-02-29T12:34:56.000001Z",
      "2024-02-29T12:34:56.0000010" },
};

static void test_times_are_written_in_utc(void **state)
{
    for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
        apr_time_t back = 1;
        assert_string_equal(mls_time_rfc3339(written[i].time, *state),
                            written[i].rfc3339);
        assert_string_equal(mls_time_contract(written[i].time, *state),
                            written[i].contract);
        assert_int_equal(mls_time_parse(&back, written[i].rfc3339), 1);
        assert_int_equal(back, written[i].time);
        assert_int_equal(mls_time_parse(&back, written[i].contract), 1);
        assert_int_equal(back, written[i].time);
    }
}

static const struct {
    const char *text;
    int good;
    apr_time_t time;
} read_cases[] = {
    { "2016-11-20T18:15:09Z", 1, APR_INT64_C(1479665709000000) },
    { "2016-11-20t18:15:09z", 1, APR_INT64_C(1479665709000000) },
    { "2016-11-20T18:15:09.5Z", 1, APR_INT64_C(1479665709500000) },
    { "2016-11-20T18:15:09.123456789Z", 1, APR_INT64_C(1479665709123456) },
    { "2016-11-20T19:15:09+01:00", 1, APR_INT64_C(1479665709000000) },
    { "2016-11-20T13:45:09-04:30", 1, APR_INT64_C(1479665709000000) },
    { "2016-12-31T23:59:60Z", 1, APR_INT64_C(1483228799000000) },
    { "2000-02-29T00:00:00Z", 1, APR_INT64_C(951782400000000) },
    { "1900-02-28T00:00:00Z", 1, APR_INT64_C(-2203977600000000) },
    { "1900-02-29T00:00:00Z", 0, 0 },
    { "2023-02-29T00:00:00Z", 0, 0 },
    { "2023-13-01T00:00:00Z", 0, 0 },
    { "2023-00-01T00:00:00Z", 0, 0 },
    { "2023-04-31T00:00:00Z", 0, 0 },
    { "2023-04-30T24:00:00Z", 0, 0 },
    { "2023-04-30T23:60:00Z", 0, 0 },
    { "2023-04-30T23:59:61Z", 0, 0 },
    { "2023-04-30 23:59:00Z", 0, 0 },
    { "2023-04-30T23:59:00.Z", 0, 0 },
    { "2023-04-30T23:59:00.1234567890Z", 0, 0 },
    { "2023-04-30T23:59:00+1:00", 0, 0 },
    { "2023-04-30T23:59:00+24:00", 0, 0 },
    { "2023-04-30T23:59:00Zx", 0, 0 },
    { "2023-04-30T23:59", 0, 0 },
    { "2023-04-30", 0, 0 },
    { "20230430T235900Z", 0, 0 },
    { "", 0, 0 },
};

static void test_times_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(read_cases) / sizeof(*read_cases); i++) {
        apr_time_t time = 0;
        /* A copy of its exact size: reading on is an error. */
        char *text = strdup(read_cases[i].text);
        const int good = mls_time_parse(&time, text);
        free(text);
        if (good != read_cases[i].good
            || (good && time != read_cases[i].time)) {
            fail_msg("%s: %d, %ld", read_cases[i].text, good, (long)time);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_written_in_utc),
        cmocka_unit_test(test_times_are_read),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, setup, teardown);
}
