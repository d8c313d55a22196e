/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's ModelVerification: a document whose own rows are scored differently
 * from what its producer wrote is not compiled. */

#include "pmml_case.h"

/** y = 2 x, and the length class of c. */
#define VERIFIED(verification)                                                 \
    PMML_DOCUMENT(                                                             \
        NUMBER("x") TEXT("c") NUMBER("y"),                                     \
        "<RegressionModel functionName='regression'><MiningSchema>" ACTIVE(    \
            "x") ACTIVE("c")                                                   \
            TARGET(                                                            \
                "y") "</MiningSchema>"                                         \
                     "<Output><OutputField name='big' optype='categorical' "   \
                     "dataType='string' feature='transformedValue'><Apply "    \
                     "function='if'>"                                          \
                     "<Apply function='greaterThan'><FieldRef "                \
                     "field='x'/><Constant>1"                                  \
                     "</Constant></Apply><Constant>yes</Constant><Constant>no" \
                     "</Constant></Apply></OutputField></Output>"              \
                     "<RegressionTable intercept='0'><NumericPredictor "       \
                     "name='x' "                                               \
                     "coefficient='2'/></RegressionTable>" verification        \
                     "</RegressionModel>")
#define ROWS(fields, rows)                                                     \
    VERIFIED("<ModelVerification><VerificationFields>"                         \
             "<VerificationField field='x' column='a:x'/>" fields              \
             "</VerificationFields><InlineTable>" rows                         \
             "</InlineTable></ModelVerification>")
#define NUMBERS "<VerificationField field='y' column='a:y'/>"
#define EXACT "<VerificationField field='y' column='y' precision='1e-13'/>"
#define WORDS "<VerificationField field='big'/>"
#define PAIR(x, y) "<row><x>" x "</x><y>" y "</y></row>"

static void check_accepted(const char *document)
{
    size_t size;

    free(compile(document, &size)); /* fails the test with the reason */
}

static void test_accepted(void **state)
{
    (void)state;
    check_accepted(ROWS(NUMBERS, PAIR("1.5", "3") PAIR("-2", "-4.0")));
    check_accepted(ROWS(NUMBERS, PAIR("1.5", "3.0000001")));
    check_accepted(ROWS(EXACT, PAIR("1.5", "3.0000000001")));
    check_accepted(ROWS(NUMBERS, "<row><y/></row>")); /* missing: no answer */
    check_accepted(ROWS(WORDS, "<row><x>2</x><big>yes</big></row>"));
    /* Nothing that could be compared. */
    check_accepted(ROWS("", "<row><x>2</x></row>"));
    check_accepted(ROWS("<VerificationField field='other'/>",
                        "<row><x>2</x><other>3</other></row>"));
    check_accepted(ROWS(NUMBERS, ""));
    check_accepted(VERIFIED("<ModelVerification><VerificationFields>" NUMBERS
                            "</VerificationFields><TableLocator/>"
                            "</ModelVerification>"));
}

static void test_differing(void **state)
{
    (void)state;
    check_refused(ROWS(NUMBERS, PAIR("1.5", "3") PAIR("1.5", "3.1")),
                  MLSCORE_EINPUT, 0, "row 1, column \"y\"");
    check_refused(ROWS(EXACT, PAIR("1.5", "3.0000001")), MLSCORE_EINPUT, 0,
                  "expected 3.0000001");
    check_refused(ROWS(WORDS, "<row><x>1</x><big>yes</big></row>"),
                  MLSCORE_EINPUT, 0, "\"big\"");
    check_refused(ROWS(NUMBERS, PAIR("1.5", "")), MLSCORE_EINPUT, 0, "\"y\"");
    check_refused(ROWS(NUMBERS, PAIR("one", "3")), MLSCORE_EINPUT, 0, "x");
    check_refused(ROWS("\n<VerificationField column='y'/>", PAIR("1", "2")),
                  MLSCORE_EFORMAT, 2, "field");
    check_refused(VERIFIED("\n<ModelVerification><InlineTable><row/>"
                           "</InlineTable></ModelVerification>"),
                  MLSCORE_EFORMAT, 2, "VerificationFields");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_differing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
