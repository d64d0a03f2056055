//===- NVVMToIREE.cpp - Entry points that IREE can launch -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "EntryPoint.h"

#include "sparsek/CUDARuntime/Launch.h"
#include "sparsek/Transforms/KernelBinary.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTNVVMTOIREEPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using cuda::Argument;
using cuda::ArgumentType;

/// Of IREE's CUDA driver.
static constexpr unsigned kMaxBindings = 16;
static constexpr unsigned kMaxConstants = 64;

/// Puts a 64-bit integer together from two words.
static Value join(ImplicitLocOpBuilder &b, Value low, Value high) {
  Type i64 = b.getI64Type();
  Value half = LLVM::ConstantOp::create(b, i64, 32);
  Value upper =
      LLVM::ShlOp::create(b, LLVM::ZExtOp::create(b, i64, high), half);
  return LLVM::OrOp::create(b, LLVM::ZExtOp::create(b, i64, low), upper);
}

/// Replaces the parameters of `function`, which takes `arguments`.
static void rewriteParameters(LLVM::LLVMFuncOp function,
                              ArrayRef<Argument> arguments) {
  EntryPoint entryPoint(arguments);
  ImplicitLocOpBuilder b(function.getLoc(), function.getContext());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext(), /*global*/ 1);
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  SmallVector<Type> types(entryPoint.getNumPointers(), pointer);
  types.append(entryPoint.getNumWords(), i32);

  Block *body = &function.front();
  Block *entry = b.createBlock(&function.getBody(), function.begin(), types,
                               SmallVector<Location>(types.size(), b.getLoc()));
  Block *exit = b.createBlock(&function.getBody(), function.end());
  LLVM::ReturnOp::create(b, ValueRange());

  b.setInsertionPointToStart(entry);
  auto next = entry->args_begin();
  std::array<Value, cuda::kNumArguments> values;
  for (Argument array : entryPoint.arrays)
    values[size_t(array)] = *next++;
  Value workspace = entryPoint.hasWorkspace() ? *next++ : Value();
  for (Argument part : entryPoint.parts) {
    Value unit = LLVM::ConstantOp::create(b, i64, cuda::kWorkspaceAlignment);
    Value offset =
        LLVM::MulOp::create(b, LLVM::ZExtOp::create(b, i64, *next++), unit);
    values[size_t(part)] =
        LLVM::GEPOp::create(b, pointer, b.getI8Type(), workspace, offset);
  }
  for (Argument scalar : entryPoint.scalars) {
    Value value = *next++;
    if (getNumWords(scalar) == 2)
      value = join(b, value, *next++);
    if (cuda::getType(scalar) == ArgumentType::F32)
      value = LLVM::BitcastOp::create(b, b.getF32Type(), value);
    if (cuda::getType(scalar) == ArgumentType::F64)
      value = LLVM::BitcastOp::create(b, b.getF64Type(), value);
    values[size_t(scalar)] = value;
  }
  Value none = LLVM::ConstantOp::create(b, i32, 0);
  Value runs = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, *next++, none);
  LLVM::CondBrOp::create(b, runs, body, exit);

  for (auto [argument, parameter] :
       llvm::zip_equal(arguments, body->getArguments()))
    parameter.replaceAllUsesWith(values[size_t(argument)]);
  body->eraseArguments(0, body->getNumArguments());
  function.removeArgAttrsAttr();
  function.setFunctionType(LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), types));
}

/// Whether the parameters of `function` are those of the record.
static bool takes(LLVM::LLVMFuncOp function, ArrayRef<Argument> arguments) {
  auto hasType = [](std::tuple<Type, Argument> entry) {
    auto [type, argument] = entry;
    switch (cuda::getType(argument)) {
    case ArgumentType::Pointer:
      return isa<LLVM::LLVMPointerType>(type);
    case ArgumentType::I32:
      return type.isInteger(32);
    case ArgumentType::I64:
      return type.isInteger(64);
    case ArgumentType::F32:
      return type.isF32();
    case ArgumentType::F64:
      return type.isF64();
    }
    llvm_unreachable("no other type");
  };
  return !function.isExternal() &&
         function.getNumArguments() == arguments.size() &&
         llvm::all_of(llvm::zip(function.getArgumentTypes(), arguments),
                      hasType);
}

/// Makes a module of every kernel in `module`.
static LogicalResult split(gpu::GPUModuleOp module, SymbolTable &symbols) {
  auto attribute = module->getAttrOfType<DictionaryAttr>(kLaunchRecordAttr);
  if (!attribute)
    return success(); // No kernels of ops.
  llvm::Expected<cuda::LaunchRecord> record =
      cuda::LaunchRecord::parse(getRecordText(attribute));
  if (!record)
    return module.emitError(llvm::toString(record.takeError()));
  auto name = FlatSymbolRefAttr::get(module.getSymNameAttr());
  OpBuilder b(module);
  for (const cuda::KernelRecord &kernel : record->kernels) {
    auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(kernel.name);
    if (!function || !takes(function, kernel.arguments))
      return module.emitError("the launch record names a kernel '")
             << kernel.name
             << "'; there must be an llvm.func of that name with the arguments "
                "of the record";
    EntryPoint entryPoint(kernel.arguments);
    if (entryPoint.getNumPointers() > kMaxBindings ||
        entryPoint.getNumWords() > kMaxConstants)
      return function.emitError("takes ")
             << entryPoint.getNumPointers() << " pointers and "
             << entryPoint.getNumWords()
             << " words of 32 bits; IREE passes at most " << kMaxBindings
             << " and " << kMaxConstants;
    gpu::GPUModuleOp single = module.clone();
    single.setName((module.getName() + "_" + kernel.name).str());
    single->removeAttr(kLaunchRecordAttr);
    single->setAttr(kEntryPointAttr,
                    b.getDictionaryAttr(
                        {b.getNamedAttr("kernels", name),
                         b.getNamedAttr("name", b.getStringAttr(kernel.name)),
                         b.getNamedAttr("record", attribute)}));
    for (auto other :
         llvm::make_early_inc_range(single.getOps<LLVM::LLVMFuncOp>())) {
      if (other.getName() == kernel.name)
        rewriteParameters(other, kernel.arguments);
      else if (other->hasAttr(NVVM::NVVMDialect::getKernelFuncAttrName()))
        other.erase();
    }
    symbols.insert(single, Block::iterator(module));
  }
  symbols.erase(module);
  return success();
}

namespace {
struct ConvertNVVMToIREE
    : public sparsek::impl::ConvertNVVMToIREEPassBase<ConvertNVVMToIREE> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto module :
         llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(split(module, symbols)))
        return signalPassFailure();
  }
};
} // namespace
