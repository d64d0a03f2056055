//===- Frag.h - The frag dialect --------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_FRAG_IR_FRAG_H
#define SPARSEK_DIALECT_FRAG_IR_FRAG_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "sparsek/Dialect/Frag/IR/FragDialect.h.inc"

#define GET_OP_CLASSES
#include "sparsek/Dialect/Frag/IR/FragOps.h.inc"

#endif // SPARSEK_DIALECT_FRAG_IR_FRAG_H
