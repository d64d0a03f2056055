//===- TileToFragments.cpp - Tile kernels to programs of a thread ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "Patterns.h"
#include "sparsek/Dialect/Frag/IR/Frag.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTTILETOFRAGMENTSPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// Fragments become what one of 128 threads holds of them.
static void addConversions(TypeConverter &converter) {
  converter.addConversion([](Type type) { return type; });
  converter.addConversion([](FragType type) -> Type {
    int64_t elements = type.getRows() * type.getColumns() / 128;
    if (type.getElementType().isF32())
      return VectorType::get(elements, type.getElementType());
    return VectorType::get(elements / 2,
                           IntegerType::get(type.getContext(), 32));
  });
  converter.addConversion([](PendingType type) -> Type {
    return VectorType::get(type.getRows() * type.getColumns() / 128,
                           type.getElementType());
  });
  converter.addConversion([](RowsType type) -> Type {
    return VectorType::get(type.getRows() / 32, type.getElementType());
  });
}

//===----------------------------------------------------------------------===//
// Flags
//===----------------------------------------------------------------------===//

/// Whether `acquire` is for the slot that `flag` reads.
static bool acquires(AcquireOp acquire, FlagOp flag) {
  if (acquire.getRing() == flag.getList())
    return acquire.getPosition() == flag.getPosition();
  return acquire.getListPosition() == flag.getPosition();
}

/// Reads the flags of a slot once, where it is acquired, and tests bits of the
/// word: a read beside every test would be on the way to the products.
static void hoistFlags(KernelOp kernel) {
  SmallVector<FlagOp> flags;
  kernel.walk([&](FlagOp op) { flags.push_back(op); });
  DominanceInfo dominance(kernel);
  DenseMap<Operation *, Value> words;
  for (FlagOp flag : flags) {
    AcquireOp acquire;
    for (Operation *user : flag.getList().getUsers()) {
      auto candidate = dyn_cast<AcquireOp>(user);
      if (candidate && acquires(candidate, flag) &&
          dominance.properlyDominates(candidate, flag))
        acquire = candidate;
    }
    if (!acquire)
      continue;
    FragmentBuilder b(flag.getLoc(), kernel.getContext());
    Value &word = words[acquire];
    if (!word) {
      // Slots that are acquired together stay together.
      Operation *last = acquire;
      while (isa<AcquireOp>(last->getNextNode()))
        last = last->getNextNode();
      b.setInsertionPointAfter(last);
      word = FlagsOp::create(b, b.getI32Type(), flag.getList(),
                             flag.getPosition());
    }
    b.setInsertionPoint(flag);
    Value bit =
        b.bitAnd({word, b.i32(1 << static_cast<int64_t>(flag.getFlag()))});
    flag.replaceAllUsesWith(b.cmp(arith::CmpIPredicate::ne, {bit, b.i32(0)}));
    flag.erase();
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static LogicalResult convertKernel(KernelOp kernel, OpBuilder &builder,
                                   const GPUTarget &target) {
  hoistFlags(kernel);
  KernelFrame frame(target);
  if (failed(buildKernelFunction(kernel, builder, frame)))
    return failure();
  kernel.erase();

  MLIRContext *context = frame.function.getContext();
  TypeConverter converter;
  addConversions(converter);
  RewritePatternSet patterns(context);
  populateCopyPatterns(patterns, converter, frame);
  populateKeyListPatterns(patterns, converter, frame);
  populatePanelPatterns(patterns, converter, frame);
  if (target.warpgroups)
    populateProductPatterns(patterns, converter, frame);
  else
    populateWarpProductPatterns(patterns, converter, frame);
  populateRingPatterns(patterns, converter, frame);
  populateSoftmaxPatterns(patterns, converter, frame);
  populateStorePatterns(patterns, converter, frame);
  populateSurvivorPatterns(patterns, converter, frame);
  populateThreadPatterns(patterns, converter, frame);
  ConversionTarget legal(*context);
  legal.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  legal.addIllegalDialect<TileDialect>();
  legal.addLegalOp<RingOp>();
  legal.addIllegalOp<memref::AtomicRMWOp, memref::LoadOp, memref::StoreOp>();
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                       legal);
  if (failed(
          applyPartialConversion(frame.function, legal, std::move(patterns))))
    return failure();

  // Rings and memrefs were only names.
  SmallVector<Operation *> names;
  frame.function.walk([&](Operation *op) {
    if (isa<RingOp, UnrealizedConversionCastOp>(op) && op->use_empty())
      names.push_back(op);
  });
  for (Operation *op : names)
    op->erase();
  return success();
}

/// The record with what is known about its kernels by now.
static DictionaryAttr completeRecord(DictionaryAttr record,
                                     ArrayRef<DictionaryAttr> kernels) {
  Builder b(record.getContext());
  SmallVector<Attribute> complete;
  auto planned = record.getAs<ArrayAttr>("kernels");
  for (DictionaryAttr kernel : kernels) {
    NamedAttrList fields(kernel);
    for (Attribute entry : planned ? planned.getValue() : ArrayRef<Attribute>())
      if (auto plan = dyn_cast<DictionaryAttr>(entry))
        if (plan.get("name") == kernel.get("name"))
          for (NamedAttribute field : plan)
            if (!fields.get(field.getName()))
              fields.append(field);
    complete.push_back(fields.getDictionary(record.getContext()));
  }
  NamedAttrList fields(record);
  fields.set("kernels", b.getArrayAttr(complete));
  return fields.getDictionary(record.getContext());
}

/// The kernels of `module` into a gpu.module.
static LogicalResult convertModule(ModuleOp module, bool isTop,
                                   const GPUTarget &target) {
  auto kernels = llvm::to_vector(module.getOps<KernelOp>());
  OpBuilder builder(module.getContext());
  if (isTop)
    builder.setInsertionPointToEnd(module.getBody());
  else
    builder.setInsertionPoint(module);
  StringRef name = module.getSymName().value_or("kernels");
  auto gpuModule = gpu::GPUModuleOp::create(builder, module.getLoc(), name);
  builder.setInsertionPointToStart(gpuModule.getBody());
  auto space = static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared);
  LLVM::GlobalOp::create(builder, module.getLoc(),
                         LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                         /*isConstant=*/false, LLVM::Linkage::External,
                         "shared", Attribute(), /*alignment=*/1024, space);
  SmallVector<DictionaryAttr> records;
  for (KernelOp kernel : kernels) {
    builder.setInsertionPointToEnd(gpuModule.getBody());
    if (failed(convertKernel(kernel, builder, target)))
      return failure();
  }
  for (auto function : gpuModule.getOps<LLVM::LLVMFuncOp>())
    records.push_back(
        cast<DictionaryAttr>(function->removeAttr(KernelOp::kRecordAttr)));
  auto record = module->getAttrOfType<DictionaryAttr>(KernelOp::kRecordAttr);
  if (!record)
    record = builder.getDictionaryAttr({});
  gpuModule->setAttr(KernelOp::kRecordAttr, completeRecord(record, records));
  if (!isTop)
    module.erase();
  return success();
}

namespace {
struct ConvertTileToFragments
    : sparsek::impl::ConvertTileToFragmentsPassBase<ConvertTileToFragments> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp top = getOperation();
    SmallVector<ModuleOp> modules;
    top.walk([&](ModuleOp module) {
      if (!module.getOps<KernelOp>().empty())
        modules.push_back(module);
    });
    if (modules.empty())
      return;
    std::optional<GPUTarget> target = GPUTarget::get(chip);
    if (!target) {
      top.emitError() << getArgument() << ": chip must be one of "
                      << GPUTarget::getAccepted() << ", but is '" << chip
                      << "'";
      return signalPassFailure();
    }
    for (ModuleOp module : modules) {
      if (failed(convertModule(module, module == top, *target)))
        return signalPassFailure();
    }
    top->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                 UnitAttr::get(&getContext()));
  }
};
} // namespace
