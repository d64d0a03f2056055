/*===- Tools.h - The command-line tools as functions --------------*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

/* What `main` of each tool calls. Where MLIR is linked in, these functions are
 * in libSparsek.so and the programs hold nothing else. They parse the process's
 * command line, so only one of them may be called, once. */

#ifndef SPARSEK_C_TOOLS_H
#define SPARSEK_C_TOOLS_H

#include "sparsek-c/Sparsek.h"

#ifdef __cplusplus
extern "C" {
#endif

SPARSEK_API int sparsekCompileMain(int argc, char **argv);
SPARSEK_API int sparsekOptMain(int argc, char **argv);
SPARSEK_API int sparsekRunMain(int argc, char **argv);
SPARSEK_API int sparsekTranslateMain(int argc, char **argv);
SPARSEK_API int sparsekLspServerMain(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif /* SPARSEK_C_TOOLS_H */
