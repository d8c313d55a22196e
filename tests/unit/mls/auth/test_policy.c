/* SPDX-License-Identifier: Apache-2.0 */
/* The permission matrix, cell by cell. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/policy.h"

enum { NONE = MLS_ROLE_NONE, READER, CONTRIBUTOR, OWNER };

/* Per permission: on one's own things and on other people's, a string of y/n
 * for none, Reader, Contributor, Owner. */
static const struct {
    mls_permission permission;
    const char *own, *foreign;
} cases[] = {
    { MLS_PERMIT_ANYONE, "yyyy", "yyyy" },
    { MLS_PERMIT_LIST, "nyyy", "nyyy" },
    { MLS_PERMIT_CONSUME, "nyyy", "nyyy" },
    { MLS_PERMIT_SEE_CODE, "nnyy", "nnny" },
    { MLS_PERMIT_PUBLISH, "nnyy", "nnyy" },
    { MLS_PERMIT_CHANGE, "nnyy", "nnny" },
    { MLS_PERMIT_SESSION, "nyyy", "nnnn" },
    { MLS_PERMIT_TOKENS, "nyyy", "nnny" },
    { MLS_PERMIT_ADMIN, "nnny", "nnny" },
};

static void test_every_cell_of_the_matrix(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int role = NONE; role <= OWNER; role++) {
            const int own = cases[i].own[role] == 'y';
            const int foreign = cases[i].foreign[role] == 'y';

            assert_int_equal(mls_policy_allows((mls_role)role,
                                               cases[i].permission, 1),
                             own);
            assert_int_equal(mls_policy_allows((mls_role)role,
                                               cases[i].permission, 0),
                             foreign);
            assert_int_equal(mls_policy_possible((mls_role)role,
                                                 cases[i].permission),
                             own || foreign);
        }
    }
}

static void test_permissions_have_names(void **state)
{
    for (int i = 0; i <= MLS_PERMIT_ADMIN; i++) {
        assert_non_null(mls_permission_name((mls_permission)i));
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(mls_permission_name((mls_permission)i),
                                    mls_permission_name((mls_permission)j));
        }
    }
    assert_string_equal(mls_permission_name(MLS_PERMIT_TOKENS), "tokens");
    assert_string_equal(mls_permission_name((mls_permission)999), "unknown");
}

static void test_an_unknown_permission_is_refused(void **state)
{
    assert_false(mls_policy_allows(MLS_ROLE_OWNER, (mls_permission)999, 1));
}

static void test_roles_have_the_contract_s_names(void **state)
{
    assert_string_equal(mls_role_name(MLS_ROLE_OWNER), "Owner");
    assert_string_equal(mls_role_name(MLS_ROLE_CONTRIBUTOR), "Contributor");
    assert_string_equal(mls_role_name(MLS_ROLE_READER), "Reader");
    assert_string_equal(mls_role_name(MLS_ROLE_NONE), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell_of_the_matrix),
        cmocka_unit_test(test_permissions_have_names),
        cmocka_unit_test(test_an_unknown_permission_is_refused),
        cmocka_unit_test(test_roles_have_the_contract_s_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
