//===- SparseKToTile.cpp - sparsek to tile programs -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "Kernels.h"
#include "Schedule.h"
#include "Score.h"

#include "sparsek/Transforms/KernelNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTSPARSEKTOTILEPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// What is compiled in
//===----------------------------------------------------------------------===//

/// The verifier has made sure that head counts and sizes are static.
static AttentionVariant getVariant(GatheredAttentionOp op) {
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  auto value = cast<RankedTensorType>(op.getValue().getType());
  // The forward value of `straight_through` is that of `none`.
  Gate gate = op.getGate() == Gate::StraightThrough ? Gate::None : op.getGate();
  return {query.getElementType(),
          query.getDimSize(3),
          value.getDimSize(3),
          query.getDimSize(1) / key.getDimSize(1),
          gate,
          static_cast<bool>(op.getSink()),
          static_cast<bool>(op.getCuSeqlens())};
}

/// Why no tile program fits; empty where one does.
static std::string getObstacle(const AttentionVariant &variant,
                               StringRef chip) {
  std::string reason;
  llvm::raw_string_ostream os(reason);
  if (!GPUTarget::get(chip)) {
    os << "there are tile programs for " << GPUTarget::getAccepted()
       << ", not for " << chip;
  } else if (!variant.element.isBF16() && !variant.element.isF16()) {
    os << "tile programs take bf16 and f16, not " << variant.element;
  } else {
    for (auto [name, size] :
         {std::pair("D", variant.headSize), std::pair("Dv", variant.valueSize)})
      if (size > 256 || size % 8 != 0) {
        os << "tile programs take " << name
           << " as a multiple of 8 up to 256, not " << size;
        break;
      }
  }
  return reason;
}

namespace {

/// The attributes of launch records.
class RecordBuilder : public Builder {
public:
  using Builder::Builder;

  NamedAttribute named(StringRef name, Attribute value) {
    return getNamedAttr(name, value);
  }
  NamedAttribute number(StringRef name, int64_t value) {
    return named(name, getI64IntegerAttr(value));
  }
  NamedAttribute text(StringRef name, StringRef value) {
    return named(name, getStringAttr(value));
  }
  /// A kernel that needs no more than its grid.
  DictionaryAttr getKernel(StringRef name, StringRef grid) {
    return getDictionaryAttr({text("name", name), text("grid", grid)});
  }
};

} // namespace

/// The launch record without what later passes know: arguments, threads and
/// shared memory of the kernels.
static DictionaryAttr getLaunchRecord(MLIRContext *context,
                                      const AttentionVariant &variant,
                                      ScheduleAttr schedule, RowMapAttr rowMap,
                                      StringRef chip) {
  RecordBuilder b(context);
  SmallVector<Attribute> kernels;
  if (variant.packed)
    kernels.push_back(b.getKernel("documents", "key_blocks"));
  kernels.push_back(b.getKernel("survivors", "chunks x batch_score_heads"));
  SmallVector<NamedAttribute> attention{
      b.text("name", "attention"),
      b.text("grid", schedule.getPersistent() ? "persistent" : "items")};
  if (schedule.getPersistent())
    attention.push_back(b.number("blocks_per_sm", 1));
  SmallVector<NamedAttribute> tile{b.number("rows", schedule.getRows()),
                                   b.number("positions", rowMap.getPositions()),
                                   b.number("head_block", rowMap.getHeads()),
                                   b.number("keys", schedule.getKeys())};
  if (schedule.getSkipEdges())
    tile.push_back(b.named("skip_edges", b.getBoolAttr(true)));
  kernels.push_back(b.getDictionaryAttr(attention));
  return b.getDictionaryAttr(
      {b.number("version", 1), b.text("op", "gathered_attention"),
       b.text("chip", chip),
       b.text("dtype", variant.element.isBF16() ? "bf16" : "f16"),
       b.number("head_dim", variant.headSize),
       b.number("value_dim", variant.valueSize),
       b.number("group", variant.group),
       b.text("gate", stringifyGate(variant.gate)),
       b.named("sink", b.getBoolAttr(variant.sink)),
       b.named("packed", b.getBoolAttr(variant.packed)),
       b.named("tile", b.getDictionaryAttr(tile)),
       b.named("kernels", b.getArrayAttr(kernels))});
}

/// The same for the selection, with the sizes that its kernels have built in.
static DictionaryAttr getSelectionRecord(MLIRContext *context, bool packed,
                                         StringRef chip) {
  RecordBuilder b(context);
  SmallVector<Attribute> kernels, sizes;
  auto kernel = [&](StringRef name, StringRef grid) {
    kernels.push_back(b.getKernel(name, grid));
  };
  if (packed)
    kernel("documents", "key_blocks");
  kernel("sort_tiles", "sort_tiles x batch_score_heads");
  kernel("merge_lists", "key_blocks x batch_score_heads");
  for (StringRef name :
       {"count_scores", "scatter_scores", "count_digits", "scatter_digits"})
    kernel(name, "radix_tiles x batch_score_heads");
  kernel("rank_table", "table_blocks x batch_score_heads");
  for (const SelectionSize &size : kSelectionSizes) {
    kernel(size.boundaries, "boundary_blocks x batch_score_heads");
    sizes.push_back(b.getDictionaryAttr(
        {b.number("max_keys", size.maxKeys), b.number("chunk", size.chunk),
         b.number("buckets", size.maxBuckets),
         b.text("boundaries", size.boundaries),
         b.text("thresholds", size.thresholds)}));
  }
  kernel("rank_scan", "scan_tiles x batch_score_heads");
  for (const SelectionSize &size : kSelectionSizes)
    kernel(size.thresholds, "chunks x batch_score_heads");
  kernel("expiries", "key_blocks x batch_score_heads");
  return b.getDictionaryAttr({b.number("version", 1), b.text("op", "topk_mask"),
                              b.text("chip", chip),
                              b.named("packed", b.getBoolAttr(packed)),
                              b.number("sort_tile_log2", kSortTileLog2),
                              b.number("max_merged_keys", kMaxMergedKeys),
                              b.number("radix_tile_log2", kRadixTileLog2),
                              b.number("scan_tile_log2", kScanTileLog2),
                              b.number("table_words", kTableWords),
                              b.named("sizes", b.getArrayAttr(sizes)),
                              b.named("kernels", b.getArrayAttr(kernels))});
}

/// The same for scores.
static DictionaryAttr getScoreRecord(MLIRContext *context,
                                     const ScoreVariant &variant,
                                     const ScorePlan &plan, StringRef chip) {
  RecordBuilder b(context);
  auto nameOf = [](Type type) -> StringRef {
    if (type.isF32())
      return "f32";
    return type.isBF16() ? "bf16" : "f16";
  };
  SmallVector<Attribute> kernels{b.getDictionaryAttr(
      {b.text("name", "score"), b.text("grid", "persistent"),
       b.number("blocks_per_sm", 1)})};
  if (variant.norm == Norm::Timestep)
    for (auto [name, grid] :
         {std::pair("score_statistics", "statistic_blocks x batch_score_heads"),
          std::pair("score_scan", "batch_score_heads"),
          std::pair("score_normalise", "statistic_blocks x batch_score_heads")})
      kernels.push_back(b.getKernel(name, grid));
  return b.getDictionaryAttr(
      {b.number("version", 1), b.text("op", "score"), b.text("chip", chip),
       b.text("dtype", nameOf(variant.element)),
       b.text("weight_dtype", nameOf(variant.weight)),
       b.number("features", variant.features),
       b.number("score_heads", variant.heads),
       b.text("norm", stringifyNorm(variant.norm)),
       b.named("statistics", b.getBoolAttr(variant.statistics)),
       b.named("carry", b.getBoolAttr(variant.carry)),
       b.number("rows_per_item", plan.getRowsPerItem()),
       b.number("statistic_positions", kStatisticPositions),
       b.named("kernels", b.getArrayAttr(kernels))});
}

/// Why no tile program scores so; empty where one does.
static std::string getObstacle(const ScoreVariant &variant, StringRef chip) {
  std::string reason;
  llvm::raw_string_ostream os(reason);
  if (!GPUTarget::get(chip))
    os << "there are tile programs for " << GPUTarget::getAccepted()
       << ", not for " << chip;
  else if (!variant.element.isBF16() && !variant.element.isF16())
    os << "tile programs take bf16 and f16, not " << variant.element;
  else if (variant.features == 0 || variant.features % 8 != 0)
    os << "tile programs take C as a multiple of 8, not " << variant.features;
  else if (variant.heads > kMaxScoreHeads)
    os << "tile programs take up to " << kMaxScoreHeads << " score heads, not "
       << variant.heads;
  return reason;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

/// The kernel modules of one symbol table.
class KernelModules {
public:
  KernelModules(Operation *symbolTable, StringRef chip)
      : symbols(symbolTable), chip(chip) {}

  /// The module with the kernels of `variant`, made where there is none yet.
  StringAttr get(Location loc, const AttentionVariant &variant,
                 ScheduleAttr schedule, RowMapAttr rowMap);
  /// The module with the kernels of the selection.
  StringAttr getSelection(Location loc, bool packed);
  /// The module with the kernels of a score.
  StringAttr get(Location loc, const ScoreVariant &variant);

private:
  /// The module for a record and a schedule, which may be null; `build` fills
  /// a new one. Named after the op.
  StringAttr get(Location loc, DictionaryAttr record, Attribute schedule,
                 function_ref<void(TileBuilder &)> build);

  SymbolTable symbols;
  StringRef chip;
  DenseMap<std::pair<Attribute, Attribute>, StringAttr> modules;
  /// How many modules there are for each op.
  llvm::StringMap<unsigned> numbers;
};

struct ConvertSparseKToTile
    : public sparsek::impl::ConvertSparseKToTilePassBase<ConvertSparseKToTile> {
  using ConvertSparseKToTilePassBase::ConvertSparseKToTilePassBase;

  void runOnOperation() override;

private:
  FailureOr<ScheduleOverrides> checkOptions();
  LogicalResult convert(GatheredAttentionOp op,
                        const ScheduleOverrides &overrides,
                        KernelModules &modules);
  void convert(TopkMaskOp op, KernelModules &modules);
  void convert(ScoreOp op, KernelModules &modules);
};

} // namespace

StringAttr KernelModules::get(Location loc, DictionaryAttr record,
                              Attribute schedule,
                              function_ref<void(TileBuilder &)> build) {
  StringAttr &name = modules[{record, schedule}];
  if (name)
    return name;
  StringRef op = record.getAs<StringAttr>("op").getValue();
  unsigned &number = numbers[op];
  auto module = ModuleOp::create(loc, (op + "_" + Twine(number++)).str());
  module->setAttr(kLaunchRecordAttr, record);
  // Renames the module where another symbol has its name.
  name = symbols.insert(module);
  TileBuilder b(loc, loc.getContext());
  b.setInsertionPointToEnd(module.getBody());
  build(b);
  return name;
}

StringAttr KernelModules::get(Location loc, const AttentionVariant &variant,
                              ScheduleAttr schedule, RowMapAttr rowMap) {
  DictionaryAttr record =
      getLaunchRecord(loc.getContext(), variant, schedule, rowMap, chip);
  return get(loc, record, schedule, [&](TileBuilder &builder) {
    if (variant.packed)
      buildDocumentsKernel(builder);
    buildSurvivorsKernel(builder, variant.packed);
    buildAttentionKernel(builder, variant, schedule, rowMap);
  });
}

StringAttr KernelModules::getSelection(Location loc, bool packed) {
  DictionaryAttr record = getSelectionRecord(loc.getContext(), packed, chip);
  return get(loc, record, Attribute(), [&](TileBuilder &builder) {
    buildSelectionKernels(loc, builder, packed);
  });
}

StringAttr KernelModules::get(Location loc, const ScoreVariant &variant) {
  ScorePlan plan = ScorePlan::get(variant, GPUTarget::get(chip)->sharedBytes);
  DictionaryAttr record = getScoreRecord(loc.getContext(), variant, plan, chip);
  return get(loc, record, Attribute(), [&](TileBuilder &at) {
    ScalarBuilder builder(loc, loc.getContext());
    builder.restoreInsertionPoint(at.saveInsertionPoint());
    buildScoreKernel(builder, variant, plan);
    if (variant.norm == Norm::Timestep)
      buildTimestepKernels(builder, variant);
  });
}

FailureOr<ScheduleOverrides> ConvertSparseKToTile::checkOptions() {
  auto emitError = [&] {
    return getOperation().emitError() << getArgument() << ": ";
  };
  unsigned number;
  StringRef version = chip;
  if (!version.consume_front("sm_") || version.consumeInteger(10, number) ||
      !(version.empty() || version == "a" || version == "f")) {
    emitError() << "chip must be sm_ and a number, as in sm_90a, but is '"
                << chip << "'";
    return failure();
  }
  return parseScheduleOverrides(schedule,
                                [&] { return emitError() << "schedule "; });
}

LogicalResult ConvertSparseKToTile::convert(GatheredAttentionOp op,
                                            const ScheduleOverrides &overrides,
                                            KernelModules &modules) {
  if (op->hasAttr(kKernelsAttr))
    return success();
  AttentionVariant variant = getVariant(op);
  std::string obstacle = getObstacle(variant, chip);
  if (!obstacle.empty()) {
    op.emitRemark() << "left as it is: " << obstacle;
    return success();
  }

  SmallVector<std::string> reasons;
  FailureOr<ScheduleAttr> chosen = selectSchedule(
      {variant.element, variant.headSize, variant.valueSize, variant.group,
       variant.gate, variant.packed, *GPUTarget::get(chip)},
      overrides, [&] { return op.emitOpError() << "schedule: "; }, reasons);
  if (failed(chosen))
    return failure();
  if (remarks) {
    InFlightDiagnostic remark = op.emitRemark() << "scheduled as " << *chosen;
    for (const std::string &text : reasons)
      remark.attachNote() << text;
  }
  RowMapAttr rowMap =
      selectRowMap(&getContext(), chosen->getRows(), variant.group);
  StringAttr name = modules.get(op.getLoc(), variant, *chosen, rowMap);
  op->setAttr(kKernelsAttr, FlatSymbolRefAttr::get(name));
  return success();
}

void ConvertSparseKToTile::convert(TopkMaskOp op, KernelModules &modules) {
  if (op->hasAttr(kKernelsAttr))
    return;
  if (!GPUTarget::get(chip)) {
    op.emitRemark() << "left as it is: there are tile programs for "
                    << GPUTarget::getAccepted() << ", not for " << chip;
    return;
  }
  int64_t keys = cast<RankedTensorType>(op.getScores().getType()).getDimSize(2);
  if (!ShapedType::isDynamic(keys) && keys > kMaxSelectionKeys) {
    op.emitRemark() << "left as it is: tile programs select from up to "
                    << kMaxSelectionKeys << " keys, not " << keys;
    return;
  }
  bool packed = static_cast<bool>(op.getCuSeqlens());
  StringAttr name = modules.getSelection(op.getLoc(), packed);
  op->setAttr(kKernelsAttr, FlatSymbolRefAttr::get(name));
}

void ConvertSparseKToTile::convert(ScoreOp op, KernelModules &modules) {
  if (op->hasAttr(kKernelsAttr))
    return;
  auto features = cast<RankedTensorType>(op.getFeatures().getType());
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  ScoreVariant variant{features.getElementType(),
                       weight.getElementType(),
                       weight.getDimSize(0),
                       weight.getDimSize(1),
                       op.getNorm(),
                       static_cast<bool>(op.getStatistics()),
                       op.getCarry()};
  std::string obstacle = getObstacle(variant, chip);
  if (!obstacle.empty()) {
    op.emitRemark() << "left as it is: " << obstacle;
    return;
  }
  StringAttr name = modules.get(op.getLoc(), variant);
  op->setAttr(kKernelsAttr, FlatSymbolRefAttr::get(name));
}

void ConvertSparseKToTile::runOnOperation() {
  FailureOr<ScheduleOverrides> overrides = checkOptions();
  if (failed(overrides))
    return signalPassFailure();
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) {
    if (isa<GatheredAttentionOp, ScoreOp, TopkMaskOp>(op))
      ops.push_back(op);
  });
  // An op finds its kernels in the nearest symbol table.
  llvm::MapVector<Operation *, std::unique_ptr<KernelModules>> tables;
  for (Operation *op : ops) {
    // Looks through ops that are not registered, such as functions of IREE.
    Operation *table = op->getParentWithTrait<OpTrait::SymbolTable>();
    std::unique_ptr<KernelModules> &modules = tables[table];
    if (!modules)
      modules = std::make_unique<KernelModules>(table, chip);
    if (auto selection = dyn_cast<TopkMaskOp>(op))
      convert(selection, *modules);
    else if (auto score = dyn_cast<ScoreOp>(op))
      convert(score, *modules);
    else if (failed(
                 convert(cast<GatheredAttentionOp>(op), *overrides, *modules)))
      return signalPassFailure();
  }
}
