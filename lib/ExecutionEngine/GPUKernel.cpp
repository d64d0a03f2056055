//===- GPUKernel.cpp - Compile an operation for a GPU ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/GPUKernel.h"

#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/Support/Version.h"
#include "sparsek/Transforms/KernelBinary.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <limits>

using namespace mlir;
using namespace sparsek;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// What to compile
//===----------------------------------------------------------------------===//

static llvm::Error checkWord(StringRef name, StringRef word) {
  if (!word.empty() &&
      llvm::all_of(word, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
    return llvm::Error::success();
  return llvm::createStringError(name + " must be a word, got '" + word + "'");
}

llvm::Error KernelOptions::verify() const {
  if (llvm::Error error = checkWord("chip", chip))
    return error;
  return checkWord("format", format);
}

std::string KernelOptions::getPipeline() const {
  return llvm::formatv(
             "sparsek-nvvm-pipeline{{host=false chip={0} format={1}{2}{3}}",
             chip, format, pipelineOptions.empty() ? "" : " ", pipelineOptions)
      .str();
}

std::string KernelOptions::getCacheKey() const {
  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << llvm::json::Value(llvm::json::Object{
      {"compiler", SPARSEK_VERSION_STRING " LLVM " SPARSEK_LLVM_VERSION_STRING},
      {"build", cuda::getBuildId()},
      {"module", getModuleText()},
      {"pipeline", getPipeline()}});
  return key;
}

/// Sizes that are compiled in.
static llvm::Error
checkSizes(std::initializer_list<std::pair<const char *, int64_t>> sizes) {
  for (auto [name, value] : sizes)
    if (value < 1 || value > std::numeric_limits<int32_t>::max())
      return llvm::createStringError(Twine(name) + " must be at least 1, got " +
                                     Twine(value));
  return llvm::Error::success();
}

llvm::Error AttentionKernelOptions::verify() const {
  if (llvm::Error error = checkSizes({{"the head size", headDim},
                                      {"the value size", valueDim},
                                      {"the group", group}}))
    return error;
  if (llvm::Error error = checkWord("gate", gate))
    return error;
  return KernelOptions::verify();
}

std::string AttentionKernelOptions::getModuleText() const {
  // Heads and budgets that are not compiled in have to be some number here.
  StringRef batch = packed ? "1" : "?", element = sparsek::getName(type);
  auto heads = [&](int64_t count, int64_t size) {
    return llvm::formatv("tensor<{0}x{1}x?x{2}x{3}>", batch, count, size,
                         element)
        .str();
  };
  auto rows = [&](int64_t count, StringRef kind) {
    return llvm::formatv("tensor<{0}x{1}x?x{2}>", batch, count, kind).str();
  };
  SmallVector<std::pair<StringRef, std::string>> arguments = {
      {"q", heads(group, headDim)}, {"k", heads(1, headDim)},
      {"v", heads(1, valueDim)},    {"u", rows(1, "f32")},
      {"tau", rows(1, "f32")},      {"expiry", rows(1, "i32")}};
  std::string optional;
  if (sink) {
    arguments.push_back({"sink", "tensor<" + std::to_string(group) + "xf32>"});
    optional += " sink(%sink)";
  }
  if (packed) {
    arguments.push_back({"cu_seqlens", "tensor<?xi32>"});
    optional += " cu_seqlens(%cu_seqlens)";
  }
  std::string parameters, types;
  for (auto &[name, text] : arguments) {
    StringRef comma = types.empty() ? "" : ", ";
    parameters += llvm::formatv("{0}%{1}: {2}", comma, name, text).str();
    types += (comma + text).str();
  }
  std::string results = heads(group, valueDim) + ", " + rows(group, "f32");
  return llvm::formatv(
             "func.func @attention({0}) -> ({1}) {{\n"
             "  %r:2 = sparsek.gathered_attention %q, %k, %v, %u, %tau, "
             "%expiry topk(1024) window(1024) gate<{2}>{3} : {4}\n"
             "  return %r#0, %r#1 : {1}\n}\n",
             parameters, results, gate, optional, types)
      .str();
}

std::string SelectionKernelOptions::getModuleText() const {
  // Heads are not compiled in, as above.
  StringRef batch = packed ? "1" : "?";
  std::string scores = ("tensor<" + batch + "x1x?xf32>").str();
  std::string results = scores + (", tensor<" + batch + "x1x?xi32>").str();
  std::string parameters = "%u: " + scores, types = scores;
  if (packed) {
    parameters += ", %cu_seqlens: tensor<?xi32>";
    types += ", tensor<?xi32>";
  }
  return llvm::formatv(
             "func.func @select({0}) -> ({1}) {{\n"
             "  %r:2 = sparsek.topk_mask %u topk(1024) window(1024){2} : {3}\n"
             "  return %r#0, %r#1 : {1}\n}\n",
             parameters, results, packed ? " cu_seqlens(%cu_seqlens)" : "",
             types)
      .str();
}

llvm::Error ScoreKernelOptions::verify() const {
  if (llvm::Error error =
          checkSizes({{"the feature size", features},
                      {"the number of score heads", scoreHeads}}))
    return error;
  if (llvm::Error error = checkWord("norm", norm))
    return error;
  return KernelOptions::verify();
}

std::string ScoreKernelOptions::getModuleText() const {
  std::string x =
      llvm::formatv("tensor<?x?x{0}x{1}>", features, sparsek::getName(type));
  std::string w = llvm::formatv("tensor<{0}x{1}x{2}>", features, scoreHeads,
                                sparsek::getName(weightType));
  std::string state = llvm::formatv("tensor<?x{0}x3xf64>", scoreHeads);
  std::string results = llvm::formatv("tensor<?x{0}x?xf32>", scoreHeads);
  std::string parameters = "%x: " + x + ", %w: " + w + ", %offset: i64";
  std::string types = x + ", " + w + ", i64", more;
  if (statistics) {
    parameters += ", %statistics: " + state;
    types += ", " + state;
    more += " statistics(%statistics)";
  }
  if (carry) {
    results += ", " + state;
    more += " carry";
  }
  return llvm::formatv("func.func @score({0}) -> ({1}) {{\n"
                       "  %r{2} = sparsek.score %x, %w norm<{3}> "
                       "offset(%offset){4} : {5}\n"
                       "  return {6} : {1}\n}\n",
                       parameters, results, carry ? ":2" : "", norm, more,
                       types, carry ? "%r#0, %r#1" : "%r")
      .str();
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

llvm::Expected<cuda::CompiledKernel> sparsek::extractKernel(ModuleOp module) {
  SmallVector<gpu::BinaryOp> found = findKernelBinaries(module);
  if (found.size() != 1)
    return llvm::createStringError(
        "expected one gpu.binary with a dictionary '" + kLaunchRecordAttr +
        "', found " + Twine(found.size()) +
        "; sparsek-nvvm-pipeline with host=false makes it from "
        "sparsek.gathered_attention, sparsek.topk_mask or sparsek.score");
  llvm::Expected<KernelBinary> binary = getKernelBinary(found.front());
  if (!binary)
    return binary.takeError();
  return cuda::CompiledKernel{binary->image.str(), std::move(binary->record)};
}

llvm::Expected<cuda::CompiledKernel>
sparsek::compileKernel(MLIRContext &context, const KernelOptions &options) {
  if (llvm::Error error = options.verify())
    return std::move(error);
  auto module = parseModule(context, options.getModuleText(), "<kernel>");
  if (!module)
    return module.takeError();
  // An op that the pipeline leaves as it is gets a remark with the reason.
  std::string remarks;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Remark)
      return failure();
    remarks += '\n';
    remarks += diagnostic.str();
    return success();
  });
  if (llvm::Error error = runPasses(**module, options.getPipeline()))
    return std::move(error);
  auto kernel = extractKernel(**module);
  if (!kernel && !remarks.empty())
    return llvm::createStringError(llvm::toString(kernel.takeError()) +
                                   remarks);
  return kernel;
}
