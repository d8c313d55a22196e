/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore onnx-operators: the table of operators, for the reference page. One
 * line each: domain, name, first and last operator set (0: the newest). */

#include <stdio.h>

#include "commands.h"
#include "eval/graph/op.h"

int cmd_onnx_operators(int argc, char **argv)
{
    (void)argv;
    if (argc != 0) {
        fputs("mlscore onnx-operators: takes no arguments\n", stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < mlscore_op_count(); i++) {
        const mlscore_op *op = mlscore_op_at(i);

        printf("%s %s %d %d\n", *op->domain ? op->domain : "ai.onnx",
               op->name, op->since, op->until);
    }
    return EXIT_OK;
}
