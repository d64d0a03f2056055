//===- SparseKEnums.td - Enums of the sparsek dialect ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_SPARSEK_IR_SPARSEKENUMS
#define SPARSEK_DIALECT_SPARSEK_IR_SPARSEKENUMS

include "mlir/IR/EnumAttr.td"
include "sparsek/Dialect/SparseK/IR/SparseKDialect.td"

def SparseK_Gate : I32EnumAttr<"Gate", "what the gate m = clamp(u - tau, 0, 1) multiplies (C5)", [
    I32EnumAttrCase<"KeyValue", 0, "key_value">,
    I32EnumAttrCase<"Value", 1, "value">,
    I32EnumAttrCase<"None", 2, "none">,
    I32EnumAttrCase<"StraightThrough", 3, "straight_through">]> {
  let cppNamespace = "::sparsek";
  let genSpecializedAttr = 0;
}

def SparseK_GateAttr : EnumAttr<SparseK_Dialect, SparseK_Gate, "gate"> {
  let assemblyFormat = "`<` $value `>`";
}

def SparseK_Norm : I32EnumAttr<"Norm", "normalisation of the raw score (C1)", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"Timestep", 1, "timestep">]> {
  let cppNamespace = "::sparsek";
  let genSpecializedAttr = 0;
}

def SparseK_NormAttr : EnumAttr<SparseK_Dialect, SparseK_Norm, "norm"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif // SPARSEK_DIALECT_SPARSEK_IR_SPARSEKENUMS
