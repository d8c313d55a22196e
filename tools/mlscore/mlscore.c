/* SPDX-License-Identifier: Apache-2.0 */
/* mlscore: libmlscore from a command line. */

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "mlscore/version.h"

static const mlscore_command commands[] = {
    {"inspect", cmd_inspect, "[--json [--verify ROWS]] MODEL|IMAGE",
     "say what a model is, takes and gives"},
    {"compile", cmd_compile, "MODEL -o IMAGE [--verify ROWS]",
     "compile a model; refuse it when known rows score differently"},
    {"score", cmd_score, "MODEL|IMAGE INPUT.csv [-o OUT.csv]",
     "score rows; row errors go to stderr and leave empty cells"},
    {"bench", cmd_bench, "MODEL|IMAGE INPUT.csv [--rows N] [--seconds S]",
     "measure rows a second, and a single row"},
    {"onnx-test", cmd_onnx_test, "DIR...",
     "run tests in the ONNX project's layout"},
    {"onnx-operators", cmd_onnx_operators, "",
     "list the ONNX operators that are supported"},
};

static void usage(FILE *to)
{
    fputs("usage:\n", to);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fprintf(to, "  mlscore %s %s\n      %s\n", commands[i].name,
                commands[i].arguments, commands[i].help);
    }
    fputs("\nMODEL is a file as its producer wrote it: PMML, ONNX, XGBoost\n"
          "(JSON or UBJSON), LightGBM text, also in zip or gzip, or a\n"
          "container of rx_serialize_model. IMAGE is what compile writes.\n"
          "A file may be - (standard input or output) or /dev/fd/N.\n"
          "Exit status: 0 done, 1 model or rows refused, 2 usage or I/O.\n",
          to);
}

int main(int argc, char **argv)
{
    if (argc >= 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
         strcmp(argv[1], "help") == 0)) {
        usage(stdout);
        return EXIT_OK;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        printf("mlscore %s, image format %d\n", MLSCORE_VERSION,
               MLSCORE_IMAGE_FORMAT);
        return EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]);
         i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    if (argc >= 2) {
        fprintf(stderr, "mlscore: there is no command %s\n", argv[1]);
    }
    usage(stderr);
    return EXIT_USAGE;
}

#ifdef __SANITIZE_ADDRESS__
/* Leaks are searched for by tracing, which the compile sandbox refuses; unit
 * tests search for them. */
__attribute__((visibility("default"))) const char *
__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif
