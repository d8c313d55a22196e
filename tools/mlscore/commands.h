/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_MLSCORE_COMMANDS_H
#define TOOLS_MLSCORE_COMMANDS_H

/**
 * The commands of `mlscore`, one file each. A command gets the arguments after
 * its own name and returns the program's exit status.
 */

enum {
    EXIT_OK = 0,
    EXIT_REFUSED = 1, /* the model or the rows: their fault, said on stderr */
    EXIT_USAGE = 2    /* wrong arguments, or a file cannot be read or written */
};

typedef struct mlscore_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
    const char *help; /* one line */
} mlscore_command;

int cmd_inspect(int argc, char **argv);   /* cmd_inspect.c */
int cmd_compile(int argc, char **argv);   /* cmd_compile.c */
int cmd_score(int argc, char **argv);     /* cmd_score.c */
int cmd_bench(int argc, char **argv);     /* cmd_bench.c */
int cmd_onnx_test(int argc, char **argv); /* onnx_test.c */
int cmd_onnx_operators(int argc, char **argv); /* cmd_onnx_operators.c */

#endif
