//===- SparseKOps.cpp - Reads sparsek.* ops of exporters ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NamedAttention.h"

#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include <cmath>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::importer;
using namespace sparsek::raise;

//===----------------------------------------------------------------------===//
// Functions of flex_attention
//===----------------------------------------------------------------------===//

/// A function of `inputs` tensors with one element each, to one of them.
static Read<Block *> findFunction(Operation *op, StringRef name, Attribute attr,
                                  unsigned inputs, Type result) {
  auto symbol = dyn_cast<SymbolRefAttr>(attr);
  if (!symbol)
    return (name + " must be a symbol").str();
  auto function = dyn_cast_or_null<FunctionOpInterface>(
      SymbolTable::lookupNearestSymbolFrom(op, symbol));
  if (!function || function.isExternal() ||
      !function.getFunctionBody().hasOneBlock())
    return (name + " names no function with one block").str();
  Block &body = function.getFunctionBody().front();
  bool scalars = body.getNumArguments() == inputs && body.mightHaveTerminator();
  for (BlockArgument argument : body.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    scalars &= type && type.getRank() == 0 &&
               type.getElementType().isIntOrIndexOrFloat();
  }
  scalars = scalars && body.getTerminator()->getNumOperands() == 1;
  if (scalars) {
    auto type = dyn_cast<RankedTensorType>(
        body.getTerminator()->getOperand(0).getType());
    scalars = type && type.getRank() == 0 &&
              (result ? type.getElementType() == result
                      : isa<FloatType>(type.getElementType()));
  }
  if (!scalars)
    return (name + " does not take and return tensors of rank 0 as " +
            (result ? "mask_mod(b, h, q_idx, kv_idx) -> i1"
                    : "score_mod(score, b, h, q_idx, kv_idx) -> float"))
        .str();
  return &body;
}

/// What the function returns for these arguments.
static ExprRef evaluate(Block *body, ExprContext &ctx,
                        ArrayRef<ExprRef> arguments) {
  ElementEvaluator eval(ctx, body);
  for (auto [argument, value] : llvm::zip(body->getArguments(), arguments)) {
    bool isFloat = isa<FloatType>(getElementTypeOrSelf(argument.getType()));
    if (isFloat != (value->sort == Sort::Float))
      return nullptr;
    eval.bind(argument, value);
  }
  return eval.element(body->getTerminator()->getOperand(0), {},
                      ElementEvaluator::Mode::Full);
}

static std::string checkScale(const NamedAttention &a) {
  if (!a.scale)
    return "";
  float scale = static_cast<float>(*a.scale);
  return std::isfinite(scale) && scale > 0
             ? ""
             : "scale must be a finite number above 0";
}

static ReadAttention readFlex(Operation *op, NamedAttributes &attributes,
                              NamedAttention a) {
  Attribute maskName = attributes.get("mask_mod_fn");
  Attribute scoreName = attributes.get("score_mod_fn");
  attributes.get("enable_gqa");
  if (std::string error = attributes.takeError(); !error.empty())
    return error;
  if (std::string reason = checkScale(a); !reason.empty())
    return reason;
  if (a.query.type.getRank() != 4)
    return "query, key and value must have rank 4";
  Block *maskBody = nullptr, *scoreBody = nullptr;
  if (maskName) {
    auto found = findFunction(op, "mask_mod_fn", maskName, 4,
                              IntegerType::get(op->getContext(), 1));
    if (!found.value)
      return found.reason;
    maskBody = *found.value;
  }
  if (scoreName) {
    auto found = findFunction(op, "score_mod_fn", scoreName, 5, nullptr);
    if (!found.value)
      return found.reason;
    scoreBody = *found.value;
  }
  enum { Batch, KV, Group, Row, Column };
  int64_t group = a.loops[Group];
  a.modify = [maskBody, scoreBody, group](ExprContext &ctx, ElementEvaluator &,
                                          ArrayRef<ExprRef> loops,
                                          ExprRef logit) -> ExprRef {
    ExprRef head = ctx.add(ctx.scale(loops[KV], group), loops[Group]);
    SmallVector<ExprRef> at = {loops[Batch], head, loops[Row], loops[Column]};
    if (scoreBody) {
      SmallVector<ExprRef> arguments = {logit};
      llvm::append_range(arguments, at);
      logit = evaluate(scoreBody, ctx, arguments);
      if (!logit || logit->sort != Sort::Float)
        return nullptr;
    }
    if (maskBody) {
      ExprRef visible = evaluate(maskBody, ctx, at);
      if (!visible || visible->sort != Sort::Bool)
        return nullptr;
      logit =
          ctx.select(visible, logit,
                     ctx.floatConst(-std::numeric_limits<double>::infinity()));
    }
    return logit;
  };
  return a;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Whether `causal` is a word of a name like attn_causal, and no other word
/// takes that back.
static bool saysCausal(StringRef name) {
  SmallVector<StringRef> words;
  name.split(words, '_');
  return llvm::is_contained(words, "causal") &&
         llvm::none_of(words, [](StringRef word) {
           return word == "non" || word == "not" || word == "no" ||
                  word == "un" || word == "a" || word == "bi";
         });
}

ReadAttention sparsek::importer::readSparseK(Operation *op, StringRef name,
                                             DictionaryAttr dictionary) {
  NamedAttributes attributes(dictionary);
  // Parsing a name of the dialect fills it in.
  attributes.ignore("operandSegmentSizes");
  NamedAttention a;
  bool flex = name == "flex_attention";
  unsigned operands = op->getNumOperands();
  if (operands != 3 && (flex || operands != 4))
    return flex ? "takes query, key and value"
                : "takes query, key, value and optionally scores";
  if (op->getNumResults() != 1 && op->getNumResults() != 2)
    return "has one result, or two of which the second is lse";
  a.query = NamedOperand::get(op, 0);
  a.key = NamedOperand::get(op, 1);
  a.value = NamedOperand::get(op, 2);
  a.result.type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!a.query || !a.key || !a.value || !a.result ||
      a.query.type.getRank() != 4)
    return "query, key, value and result must be tensors q[B,Hq,M,D], "
           "k[B,Hkv,N,D], v[B,Hkv,N,Dv] and o[B,Hq,M,Dv]";
  std::string reason = a.useHeads(/*groups=*/true);
  if (reason.empty())
    reason = a.checkSizes();
  if (!reason.empty())
    return reason;
  if (attributes.has("scale"))
    a.scale = attributes.getFloat("scale", 0);
  if (flex)
    return readFlex(op, attributes, std::move(a));

  // sparsek attention is causal; another op says that it is.
  bool causal = name == "attention" || saysCausal(name);
  if (attributes.has("causal") || attributes.has("is_causal"))
    causal = attributes.getInt("causal", 1) != 0 &&
             attributes.getInt("is_causal", 1) != 0;
  const bool dropout = attributes.getFloat("dropout", 0) != 0 ||
                       attributes.getFloat("dropout_p", 0) != 0;
  attributes.get("enable_gqa");
  if (attributes.has("topk"))
    a.topk = attributes.getInt("topk", 0);
  if (attributes.has("window"))
    a.window = attributes.getInt("window", 0);
  if (Attribute attr = attributes.get("gate")) {
    if (auto gate = dyn_cast<GateAttr>(attr))
      a.gate = gate.getValue();
    else if (auto text = dyn_cast<StringAttr>(attr))
      a.gate = symbolizeGate(text.getValue());
    if (!a.gate)
      return "gate must be key_value, value, none or straight_through";
  }
  StringRef mode = a.topk || operands == 4 ? "sparse"
                   : a.window              ? "window"
                                           : "causal";
  if (Attribute attr = attributes.get("mode")) {
    auto text = dyn_cast<StringAttr>(attr);
    StringRef given = text ? text.getValue() : "";
    if (given != "causal" && given != "window" && given != "sparse")
      return "mode must be causal, window or sparse";
    mode = given;
  }
  // An attribute of another kind has no value that could be out of range.
  if (std::string error = attributes.takeError(); !error.empty())
    return error;
  if (std::string reason = checkScale(a); !reason.empty())
    return reason;
  if (dropout)
    return "dropout must be 0";
  if (a.topk && *a.topk < 1)
    return "C3: topk must be at least 1";
  if (a.window && *a.window < 0)
    return "C2: window must be at least 0";
  if (!causal)
    return "not causal: say causal = true where it is";
  if (mode == "window" && (!a.window || *a.window == 0))
    return "mode = \"window\" needs window >= 1";
  if (mode == "window" && (a.topk || operands == 4))
    return "mode = \"window\" selects nothing: no topk and no scores";
  if (mode == "causal" && (a.window || a.topk || operands == 4))
    return "mode = \"causal\" takes no window, topk or scores";
  if (operands == 4)
    a.scores = op->getOperand(3);
  a.windowOnly = mode == "window";
  a.causal = true;
  a.lastPositions = true;
  return a;
}
