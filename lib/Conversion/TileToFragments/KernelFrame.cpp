//===- KernelFrame.cpp - Function, threads and memory of a kernel ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelFrame.h"

#include "sparsek/Dialect/Frag/IR/Frag.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

/// Name of the shared memory of every kernel in a gpu.module.
static constexpr StringLiteral kSharedName = "shared";

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

int64_t KernelFrame::getSlots(RingOp ring) {
  if (auto list = dyn_cast<KeyListType>(ring.getType()))
    return list.getSlots();
  return cast<RingType>(ring.getType()).getSlots();
}

int64_t KernelFrame::getSlotBytes(RingOp ring) {
  if (auto list = dyn_cast<KeyListType>(ring.getType()))
    return list.getSlotBytes();
  return cast<RingType>(ring.getType()).getSlotBytes();
}

Value KernelFrame::getSlotNumber(FragmentBuilder &b, RingOp ring,
                                 Value position) {
  int64_t slots = getSlots(ring);
  if (llvm::isPowerOf2_64(slots))
    return b.bitAnd({position, b.i32(slots - 1)});
  return b.rem({position, b.i32(slots)});
}

KernelFrame::Slot KernelFrame::getSlot(FragmentBuilder &b, RingOp ring,
                                       Value position) {
  Value number = getSlotNumber(b, ring, position);
  Value use = b.div({position, b.i32(getSlots(ring))});
  return {number, b.bitAnd({use, b.i32(1)})};
}

Value KernelFrame::getSlotPointer(FragmentBuilder &b, RingOp ring,
                                  Value slotNumber) const {
  Value bytes = b.mul({slotNumber, b.i32(getSlotBytes(ring))});
  return b.offset(b.offset(shared, bytes),
                  static_cast<int64_t>(*ring.getOffset()));
}

// Two barriers of 8 bytes for each slot: full, free.
Value KernelFrame::getFullBarrier(FragmentBuilder &b, RingOp ring,
                                  Value slotNumber) const {
  Value bytes = b.shl({slotNumber, b.i32(4)});
  return b.offset(b.offset(shared, bytes),
                  static_cast<int64_t>(*ring.getBarriers()));
}

Value KernelFrame::getFreeBarrier(FragmentBuilder &b, RingOp ring,
                                  Value slotNumber) const {
  return b.offset(getFullBarrier(b, ring, slotNumber), 8);
}

void KernelFrame::waitBarrier(FragmentBuilder &b, Value barrier,
                              Value parity) const {
  if (target.suspendsWaits) {
    // The hint says how long the thread may be suspended, in nanoseconds.
    NVVM::MBarrierTryWaitParityOp::create(b, barrier, parity, b.i32(10000000));
    return;
  }
  // Polling takes issue slots of the warps that compute: sleep in between.
  b.whileLoop(
      {},
      [&](ValueRange) -> Value {
        Value passed =
            NVVM::MBarrierTestWaitOp::create(b, b.getI1Type(), barrier, parity);
        return b.bitXor({passed, b.i1(true)});
      },
      [&](ValueRange) -> FragmentBuilder::Values {
        constexpr int64_t nanoseconds = 32;
        NVVM::NanosleepOp::create(b, b.i32(nanoseconds));
        return {};
      });
}

void KernelFrame::waitFull(FragmentBuilder &b, RingOp ring,
                           Value position) const {
  Slot slot = getSlot(b, ring, position);
  waitBarrier(b, getFullBarrier(b, ring, slot.number), slot.parity);
}

Value KernelFrame::getRelease(FragmentBuilder &b, RingOp ring,
                              Value position) const {
  return getFreeBarrier(b, ring, getSlotNumber(b, ring, position));
}

void KernelFrame::arriveWarp(FragmentBuilder &b, Value barrier) const {
  b.syncWarp();
  arriveLane(b, barrier);
}

void KernelFrame::arriveLane(FragmentBuilder &b, Value barrier) const {
  frag::ArriveOp::create(b, barrier, b.eq({lane, b.i32(0)}));
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value KernelFrame::getConsumer(FragmentBuilder &b) const {
  return b.shr({b.sub({warp, b.i32(consumerWarp)}), b.i32(2)});
}

Value KernelFrame::getQuadLane(FragmentBuilder &b) const {
  return b.bitAnd({lane, b.i32(3)});
}

Value KernelFrame::getWarpRow(FragmentBuilder &b, int64_t rows) const {
  Value number = b.sub({warp, b.i32(consumerWarp)});
  if (rows == 64)
    return b.shl({number, b.i32(4)});
  // Every warp has 16 rows of each 64 of its warpgroup.
  Value group = b.mul({b.shr({number, b.i32(2)}), b.i32(rows)});
  Value inGroup = b.shl({b.bitAnd({number, b.i32(3)}), b.i32(4)});
  return b.add({group, inGroup});
}

Value KernelFrame::getFirstRow(FragmentBuilder &b, int64_t rows) const {
  Value warpRow = getWarpRow(b, rows);
  return b.add({warpRow, b.shr({lane, b.i32(2)})});
}

KernelFrame::RowPlace KernelFrame::getRowPlace(FragmentBuilder &b,
                                               Value tileRow, Value kvHead,
                                               Value headBlock,
                                               Value firstPosition,
                                               Value limit) const {
  Value heads = b.i32(rowMap.getHeads()), group = b.i32(rowMap.getGroup());
  Value position = b.add({firstPosition, b.div({tileRow, heads})});
  Value inGroup = b.add({b.mul({headBlock, heads}), b.rem({tileRow, heads})});
  Value head = b.add({b.mul({kvHead, group}), inGroup});
  Value live = b.slt({position, limit});
  int64_t rows = rowMap.getPositions() * rowMap.getHeads();
  live = b.bitAnd({live, b.slt({tileRow, b.i32(rows)})});
  if (rowMap.getGroup() % rowMap.getHeads() != 0)
    live = b.bitAnd({live, b.slt({inGroup, group})});
  return {position, head, live};
}

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

GlobalArray GlobalArray::get(Value memref) {
  auto cast = memref.getDefiningOp<UnrealizedConversionCastOp>();
  assert(cast && "the pass has checked that memrefs are kernel arguments");
  GlobalArray array;
  array.pointer = cast.getOperand(0);
  llvm::append_range(array.strides, cast.getOperands().drop_front());
  array.elementType = llvm::cast<MemRefType>(memref.getType()).getElementType();
  return array;
}

int64_t GlobalArray::getElementBytes() const {
  if (auto vector = dyn_cast<VectorType>(elementType))
    return vector.getNumElements() * vector.getElementTypeBitWidth() / 8;
  return elementType.getIntOrFloatBitWidth() / 8;
}

Value GlobalArray::scale(FragmentBuilder &b, Value index,
                         int64_t dimension) const {
  Value wide = index.getType().isInteger(64) ? index : b.zext(index);
  if (dimension < static_cast<int64_t>(strides.size()))
    wide = b.mul({wide, strides[dimension]});
  return b.mul({wide, b.i64(getElementBytes())});
}

Value GlobalArray::at(FragmentBuilder &b, ValueRange indices) const {
  Value sum;
  for (auto [dimension, index] : llvm::enumerate(indices)) {
    Value bytes = scale(b, index, dimension);
    sum = sum ? b.add({sum, bytes}) : bytes;
  }
  return b.offset(pointer, sum);
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

namespace {
/// An argument of the function: every memref is a pointer and strides.
struct FlatArgument {
  std::string name;
  Type type;
};
} // namespace

/// Pointers first, then strides, i64, f64, i32 and f32 scalars, each group in
/// the order of the kernel's arguments. `places` receives, for every argument
/// of the kernel, the numbers of its flat arguments.
static SmallVector<FlatArgument>
flattenArguments(KernelOp kernel, SmallVector<SmallVector<unsigned>> &places) {
  MLIRContext *context = kernel.getContext();
  auto pointer = LLVM::LLVMPointerType::get(
      context, static_cast<unsigned>(NVVM::NVVMMemorySpace::Global));
  ArrayRef<Type> types = kernel.getFunctionType().getInputs();
  places.assign(types.size(), {});
  SmallVector<FlatArgument> flat;
  auto append = [&](unsigned index, std::string name, Type type) {
    places[index].push_back(flat.size());
    flat.push_back({std::move(name), type});
  };
  auto nameOf = [&](unsigned index) {
    return kernel.getArgAttrOfType<StringAttr>(index, kNameAttr).str();
  };
  for (auto [index, type] : llvm::enumerate(types))
    if (isa<MemRefType>(type))
      append(index, nameOf(index), pointer);
  for (auto [index, type] : llvm::enumerate(types)) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || memref.getRank() < 2)
      continue;
    StringRef dims =
        kernel.getArgAttrOfType<StringAttr>(index, kDimsAttr).getValue();
    for (char dim : dims.drop_back())
      append(index, nameOf(index) + "_" + dim, IntegerType::get(context, 64));
  }
  for (Type scalar :
       {Type(IntegerType::get(context, 64)), Type(Float64Type::get(context)),
        Type(IntegerType::get(context, 32)), Type(Float32Type::get(context))})
    for (auto [index, type] : llvm::enumerate(types))
      if (type == scalar)
        append(index, nameOf(index), type);
  return flat;
}

static StringRef getRecordType(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return "ptr";
  if (type.isF32())
    return "f32";
  if (type.isF64())
    return "f64";
  return type.isInteger(64) ? "i64" : "i32";
}

//===----------------------------------------------------------------------===//
// Roles
//===----------------------------------------------------------------------===//

/// Moves the ops of a role, whose first warp is `firstWarp`, into the current
/// block.
static void inlineRole(FragmentBuilder &b, const KernelFrame &frame,
                       RoleOp role, int64_t firstWarp) {
  Value warp = b.sub({frame.warp, b.i32(firstWarp)});
  role.walk([&](WarpOp op) {
    op.replaceAllUsesWith(warp);
    op.erase();
  });
  b.getInsertionBlock()->getOperations().splice(
      b.getInsertionPoint(), role.getBody().front().getOperations());
}

/// One branch for each role, by the number of the warp. The roles of a
/// warpgroup are together in one branch, which sets its registers: setmaxnreg
/// works only where each warpgroup's program is one side of one branch.
static void buildRoles(FragmentBuilder &b, KernelFrame &frame,
                       ArrayRef<RoleOp> roles, int64_t firstWarp,
                       std::optional<uint64_t> registers) {
  if (roles.empty())
    return;
  // Roles up to the end of this one's last warpgroup.
  int64_t warps = 0;
  size_t count = 0;
  if (!registers) {
    do {
      RoleOp role = roles[count++];
      warps += role.getWarps();
    } while (warps % 4 != 0);
    ArrayRef<RoleOp> group = roles.take_front(count);
    ArrayRef<RoleOp> rest = roles.drop_front(count);
    auto body = [&] {
      RoleOp leader = group.front();
      std::optional<uint64_t> budget = leader.getRegisters();
      if (budget && frame.target.warpgroups) {
        // The budget at entry is what the launch bounds leave for a thread.
        int64_t atEntry = 65536 / frame.threads / 8 * 8;
        auto action = static_cast<int64_t>(*budget) < atEntry
                          ? NVVM::SetMaxRegisterAction::decrease
                          : NVVM::SetMaxRegisterAction::increase;
        NVVM::SetMaxRegisterOp::create(b, *budget, action);
      }
      buildRoles(b, frame, group, firstWarp, /*registers=*/0);
    };
    if (rest.empty())
      return body();
    Value here = b.slt({frame.warp, b.i32(firstWarp + warps)});
    b.ifElse(
        here, {},
        [&] {
          body();
          return FragmentBuilder::Values();
        },
        [&] {
          buildRoles(b, frame, rest, firstWarp + warps, std::nullopt);
          return FragmentBuilder::Values();
        });
    return;
  }
  RoleOp role = roles.front();
  if (roles.size() == 1)
    return inlineRole(b, frame, role, firstWarp);
  int64_t next = firstWarp + role.getWarps();
  b.ifElse(
      b.slt({frame.warp, b.i32(next)}), {},
      [&] {
        inlineRole(b, frame, role, firstWarp);
        return FragmentBuilder::Values();
      },
      [&] {
        buildRoles(b, frame, roles.drop_front(), next, registers);
        return FragmentBuilder::Values();
      });
}

/// One thread sets up the barriers of all rings before the roles split.
static void initBarriers(FragmentBuilder &b, const KernelFrame &frame,
                         ArrayRef<RingOp> rings) {
  b.ifThen(b.eq({frame.thread, b.i32(0)}), [&] {
    for (RingOp ring : rings)
      for (int64_t slot = 0; slot < KernelFrame::getSlots(ring); ++slot) {
        int64_t at = *ring.getBarriers() + 16 * slot;
        NVVM::MBarrierInitOp::create(b, b.offset(frame.shared, at),
                                     b.i32(ring.getFills()), Value());
        NVVM::MBarrierInitOp::create(b, b.offset(frame.shared, at + 8),
                                     b.i32(ring.getDrains()), Value());
      }
    // For the asynchronous proxy of the tensor cores.
    if (frame.target.warpgroups)
      NVVM::FenceMbarrierInitOp::create(b);
  });
  NVVM::BarrierOp::create(b, TypeRange(), Value(), Value(),
                          NVVM::BarrierReductionAttr(), Value());
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// Warps of the block before those of `role`.
static int64_t getFirstWarp(RoleOp role) {
  int64_t warps = 0;
  for (RoleOp other : role->getBlock()->getOps<RoleOp>()) {
    if (other == role)
      break;
    warps += other.getWarps();
  }
  return warps;
}

/// Copies and lists count on the lanes of a warp, fragments on four warps. Rows
/// of fragments count from the first warp of `computing`, the one role that has
/// fragments.
static LogicalResult checkRole(Operation *op, RoleOp &computing) {
  auto role = op->getParentOfType<RoleOp>();
  if (isa<LoadTileOp, ListKeysOp>(op) && (!role || role.getWarps() != 1))
    return op->emitOpError() << "must be in a role of one warp";
  // Without roles a warp counts in its block.
  bool needsRole =
      isa<GatherOp>(op) ||
      (isa<WarpOp>(op) &&
       !op->getParentOfType<KernelOp>().getBody().getOps<RoleOp>().empty());
  if (needsRole && !role)
    return op->emitOpError() << "must be in a role";
  if (!isa<MmaNTOp, MmaNNOp, NormaliseOp, PositionsOp, SkipOp, StoreRowsOp,
           StoreTileOp, TurnOp, WarpgroupOp>(op))
    return success();
  if (!role || role.getWarps() % 4 != 0 || getFirstWarp(role) % 4 != 0)
    return op->emitOpError() << "must be in a role of whole warpgroups";
  if (isa<TurnOp>(op) && role.getWarps() < 8)
    return op->emitOpError() << "must be in a role of two warpgroups or more";
  if (!computing)
    computing = role;
  if (computing != role)
    return op->emitOpError() << "must be in the role '" << computing.getRole()
                             << "': one role of a kernel computes";
  return success();
}

/// What the lowering takes for granted, as errors. Sets the role that computes,
/// if there is one.
static LogicalResult checkKernel(KernelOp kernel, const GPUTarget &target,
                                 RoleOp &computing) {
  WalkResult result =
      kernel.walk([&](Operation *op) {
        if (isa<MmaNTOp, MmaNNOp>(op) && !target.warpgroups &&
            isa<PendingType>(op->getResult(0).getType())) {
          op->emitOpError()
              << "runs on while the program continues, which " << target.chip
              << " cannot; schedule the kernel with overlap = false";
          return WalkResult::interrupt();
        }
        if (auto ring = dyn_cast<RingOp>(op)) {
          if (!ring.getOffset() || !ring.getBarriers()) {
            ring.emitOpError() << "has no place in shared memory; run "
                                  "--tile-allocate first";
            return WalkResult::interrupt();
          }
        }
        if (auto array = dyn_cast<ArrayOp>(op); array && !array.getOffset()) {
          array.emitOpError() << "has no place in shared memory; run "
                                 "--tile-allocate first";
          return WalkResult::interrupt();
        }
        if (auto list = dyn_cast<ListKeysOp>(op); list && !list.getScratch()) {
          list.emitOpError()
              << "has no scratch memory; run --tile-allocate first";
          return WalkResult::interrupt();
        }
        for (Value operand : op->getOperands()) {
          if (isa<RingType, KeyListType>(operand.getType()) &&
              !operand.getDefiningOp<RingOp>()) {
            op->emitOpError() << "takes a ring that is not the result of a "
                                 "tile.ring";
            return WalkResult::interrupt();
          }
          auto argument = dyn_cast<BlockArgument>(operand);
          if (isa<MemRefType>(operand.getType()) &&
              !operand.getDefiningOp<ArrayOp>() &&
              (!argument || argument.getOwner() != &kernel.getBody().front())) {
            op->emitOpError()
                << "takes a memref that is neither a kernel argument nor a "
                   "tile.array";
            return WalkResult::interrupt();
          }
        }
        if (isa<MmaNTOp, MmaNNOp>(op) && target.warpgroups) {
          auto fragment = dyn_cast<FragType>(op->getResult(0).getType());
          if (fragment && fragment.getRows() != 64) {
            op->emitOpError() << "has " << fragment.getRows()
                              << " rows; products of a warpgroup have 64";
            return WalkResult::interrupt();
          }
        }
        return WalkResult(checkRole(op, computing));
      });
  return failure(result.wasInterrupted());
}

static DictionaryAttr buildRecord(KernelOp kernel,
                                  ArrayRef<FlatArgument> arguments) {
  Builder b(kernel.getContext());
  int64_t sharedBytes = kernel.getSharedBytes().value_or(0);
  kernel.walk([&](CollectSurvivorsOp) {
    sharedBytes =
        std::max(sharedBytes,
                 CollectSurvivorsOp::getScratchBytes(kernel.getBlockThreads()));
  });
  SmallVector<Attribute> list;
  for (const FlatArgument &argument : arguments)
    list.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("name", b.getStringAttr(argument.name)),
         b.getNamedAttr("type",
                        b.getStringAttr(getRecordType(argument.type)))}));
  return b.getDictionaryAttr(
      {b.getNamedAttr("name", b.getStringAttr(kernel.getSymName())),
       b.getNamedAttr("threads", b.getI64IntegerAttr(kernel.getBlockThreads())),
       b.getNamedAttr("shared_bytes", b.getI64IntegerAttr(sharedBytes)),
       b.getNamedAttr("arguments", b.getArrayAttr(list))});
}

LogicalResult sparsek::buildKernelFunction(KernelOp kernel, OpBuilder &builder,
                                           KernelFrame &frame) {
  RoleOp computing;
  if (failed(checkKernel(kernel, frame.target, computing)))
    return failure();
  MLIRContext *context = kernel.getContext();
  FragmentBuilder b(kernel.getLoc(), context);
  b.restoreInsertionPoint(builder.saveInsertionPoint());

  SmallVector<SmallVector<unsigned>> places;
  SmallVector<FlatArgument> flat = flattenArguments(kernel, places);
  auto types = llvm::map_to_vector(
      flat, [](const FlatArgument &argument) { return argument.type; });
  frame.threads = kernel.getBlockThreads();
  frame.rowMap = kernel.getRowMapAttr();
  frame.function = LLVM::LLVMFuncOp::create(
      b, kernel.getSymName(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
  LLVM::LLVMFuncOp function = frame.function;
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    b.getUnitAttr());
  function->setAttr(
      NVVM::NVVMDialect::getMaxntidAttrName(),
      b.getDenseI32ArrayAttr({static_cast<int32_t>(frame.threads), 1, 1}));
  if (!kernel.getBody().getOps<RoleOp>().empty())
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                      b.getI32IntegerAttr(1));
  // Without this LLVM scales subnormals around every ex2.approx.
  function->setAttr("denormal_fp_math_f32", b.getStringAttr("preserve-sign"));
  function->setAttr(KernelOp::kRecordAttr, buildRecord(kernel, flat));

  Block *entry = function.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  auto space = static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared);
  frame.shared = LLVM::AddressOfOp::create(
      b, LLVM::LLVMPointerType::get(context, space), kSharedName);
  frame.sharedAddress =
      LLVM::PtrToIntOp::create(b, b.getI32Type(), frame.shared);
  frame.thread = NVVM::ThreadIdXOp::create(b, b.getI32Type());
  frame.lane = b.bitAnd({frame.thread, b.i32(31)});
  // From lane 0, so that the compiler sees that it is uniform.
  frame.warp =
      b.shuffle(NVVM::ShflKind::idx, b.shr({frame.thread, b.i32(5)}), b.i32(0));

  // The kernel's arguments, memrefs as casts of their flat arguments.
  Block &body = kernel.getBody().front();
  for (auto [argument, place] : llvm::zip_equal(body.getArguments(), places)) {
    auto values = llvm::map_to_vector(
        place, [&](unsigned i) -> Value { return entry->getArgument(i); });
    Value replacement = values.front();
    if (isa<MemRefType>(argument.getType()))
      replacement =
          UnrealizedConversionCastOp::create(b, argument.getType(), values)
              .getResult(0);
    argument.replaceAllUsesWith(replacement);
  }

  for (ArrayOp array : llvm::make_early_inc_range(body.getOps<ArrayOp>())) {
    Value pointer =
        b.offset(frame.shared, static_cast<int64_t>(*array.getOffset()));
    auto cast = UnrealizedConversionCastOp::create(b, array.getType(), pointer);
    array.replaceAllUsesWith(cast.getResult(0));
    array.erase();
  }

  auto roles = llvm::to_vector(body.getOps<RoleOp>());
  auto rings = llvm::to_vector(body.getOps<RingOp>());
  if (computing) {
    frame.consumerWarp = getFirstWarp(computing);
    frame.consumerWarps = computing.getWarps();
  }

  entry->getOperations().splice(entry->end(), body.getOperations());
  b.setInsertionPointToEnd(entry);
  if (!rings.empty())
    initBarriers(b, frame, rings);
  buildRoles(b, frame, roles, 0, std::nullopt);
  for (RoleOp role : roles)
    role.erase();
  b.setInsertionPointToEnd(entry);
  LLVM::ReturnOp::create(b, ValueRange());
  return success();
}
