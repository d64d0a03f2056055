//===- TMTensor.td - A mirror of torch-mlir's tm_tensor ----*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_DIALECT_TMTENSOR_IR_TMTENSOR
#define SPARSEK_DIALECT_TMTENSOR_IR_TMTENSOR

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TMTensor_Dialect : Dialect {
  let name = "tm_tensor";
  let summary = "the part of torch-mlir's tm_tensor dialect that exported models contain";
  let description = [{
    torch-mlir keeps a few operations that linalg does not have in a dialect
    `tm_tensor`. This is a mirror of it: modules that torch-mlir prints parse
    here, in the pretty and in the generic form, without torch-mlir.
    `tm_tensor.attention` is understood by `--sparsek-raise-attention`; the
    other ops pass through.
  }];
  let cppNamespace = "::sparsek::tm_tensor";
}

class TMTensor_Op<string mnemonic, list<Trait> traits = []> :
    Op<TMTensor_Dialect, mnemonic, traits>;

// The ops with a body are read and printed in the generic form.
class TMTensor_StructuredOp<string mnemonic, dag attributes> :
    TMTensor_Op<mnemonic, [AttrSizedOperandSegments, RecursiveMemoryEffects]> {
  let arguments = !con(
    (ins Variadic<AnyType>:$inputs, Variadic<AnyShaped>:$outputs), attributes);
  let results = (outs Variadic<AnyRankedTensor>:$result_tensors);
  let regions = (region AnyRegion:$body);
}

def TMTensor_FloatAttr
    : Attr<CPred<"::llvm::isa<::mlir::FloatAttr>($_self)">, "a float"> {
  let storageType = "::mlir::FloatAttr";
  let returnType = "::mlir::FloatAttr";
  let convertFromStorage = "$_self";
}

def TMTensor_AttentionOp : TMTensor_Op<"attention", [
    AttrSizedOperandSegments, NoMemoryEffect, DestinationStyleOpInterface]> {
  let summary = "scaled dot product attention";
  let description = [{
    `softmax(scale * query key^T + mask) value` over `query[..., M, D]`,
    `key[..., N, D]`, `value[..., N, Dv]` and `mask[..., M, N]`, with equal
    leading dimensions. `scale` defaults to `1/sqrt(D)`.

    ```mlir
    %o = tm_tensor.attention {scale = 0.125 : f64}
        ins(%q, %k, %v, %mask : tensor<8x64x64xf32>, tensor<8x64x64xf32>,
            tensor<8x64x64xf32>, tensor<8x64x64xf32>)
        outs(%init : tensor<8x64x64xf32>) -> tensor<8x64x64xf32>
    ```
  }];
  let arguments = (ins
    Variadic<AnyShaped>:$inputs,
    Variadic<AnyShaped>:$outputs,
    OptionalAttr<TMTensor_FloatAttr>:$scale);
  let results = (outs Variadic<AnyRankedTensor>:$result_tensors);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::Value getQuery() { return getInputs()[0]; }
    ::mlir::Value getKey() { return getInputs()[1]; }
    ::mlir::Value getValue() { return getInputs()[2]; }
    /// Null where there is none.
    ::mlir::Value getMask() {
      return getInputs().size() > 3 ? getInputs()[3] : ::mlir::Value();
    }
    bool hasTensorSemantics() { return getNumResults() == 1; }
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return getOutputsMutable();
    }
  }];
}

def TMTensor_ScanOp : TMTensor_StructuredOp<"scan", (ins
    OptionalAttr<I64Attr>:$dimension, OptionalAttr<BoolAttr>:$inclusive)> {
  let summary = "cumulative combination along a dimension";
}

def TMTensor_ScatterOp : TMTensor_StructuredOp<"scatter", (ins
    OptionalAttr<DenseI64ArrayAttr>:$dimension_map,
    OptionalAttr<BoolAttr>:$unique_indices)> {
  let summary = "updates of a tensor at given indices";
}

def TMTensor_SortOp : TMTensor_StructuredOp<"sort", (ins
    OptionalAttr<I64Attr>:$dimension)> {
  let summary = "sorting along a dimension";
}

def TMTensor_TopkOp : TMTensor_StructuredOp<"topk", (ins
    OptionalAttr<I64Attr>:$dimension)> {
  let summary = "the best k along a dimension";
}

def TMTensor_YieldOp : TMTensor_Op<"yield", [Pure, Terminator]> {
  let summary = "the terminator of the bodies of tm_tensor ops";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

#endif // SPARSEK_DIALECT_TMTENSOR_IR_TMTENSOR
