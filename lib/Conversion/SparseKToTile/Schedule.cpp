//===- Schedule.cpp - Choice of a kernel's schedule -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Schedule.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

namespace {
/// #tile.schedule while it is being filled in.
struct Draft {
  int64_t rows = 128, keys = 128;
  int64_t listSlots = 4, keySlots = 2, valueSlots = 2, querySlots = 2;
  int64_t producerRegisters = 56, consumerRegisters = 224;
  bool overlap = true, pingPong = true, persistent = true;
  When masks = When::Needed, gates = When::Needed;
  int64_t consumerRows = 64;
  bool skipEdges = false;

  ScheduleAttr get(MLIRContext *context, EmitDiagnostic emitError) const {
    return ScheduleAttr::getChecked(
        emitError, context, rows, keys, listSlots, keySlots, valueSlots,
        querySlots, producerRegisters, consumerRegisters, overlap, pingPong,
        persistent, masks, gates, consumerRows, skipEdges);
  }
};

template <typename T> using Field = std::pair<llvm::StringLiteral, T Draft::*>;
} // namespace

static constexpr Field<int64_t> kNumbers[] = {
    {"rows", &Draft::rows},
    {"keys", &Draft::keys},
    {"list_slots", &Draft::listSlots},
    {"key_slots", &Draft::keySlots},
    {"value_slots", &Draft::valueSlots},
    {"query_slots", &Draft::querySlots},
    {"producer_registers", &Draft::producerRegisters},
    {"consumer_registers", &Draft::consumerRegisters},
    {"consumer_rows", &Draft::consumerRows}};
static constexpr Field<bool> kSwitches[] = {{"overlap", &Draft::overlap},
                                            {"ping_pong", &Draft::pingPong},
                                            {"persistent", &Draft::persistent},
                                            {"skip_edges", &Draft::skipEdges}};
static constexpr Field<When> kWhens[] = {{"masks", &Draft::masks},
                                         {"gates", &Draft::gates}};

template <typename T, size_t n>
static T Draft::*find(const Field<T> (&fields)[n], StringRef name) {
  for (const Field<T> &field : fields)
    if (field.first == name)
      return field.second;
  return nullptr;
}

static SmallVector<StringRef> getFieldNames() {
  SmallVector<StringRef> names;
  for (auto &[name, field] : kNumbers)
    names.push_back(name);
  for (auto &[name, field] : kSwitches)
    names.push_back(name);
  for (auto &[name, field] : kWhens)
    names.push_back(name);
  return names;
}

FailureOr<ScheduleOverrides>
sparsek::parseScheduleOverrides(StringRef text, EmitDiagnostic emitError) {
  ScheduleOverrides overrides;
  SmallVector<StringRef> names = getFieldNames();
  SmallVector<StringRef> entries;
  if (!text.trim().empty())
    text.split(entries, ',');
  for (StringRef entry : entries) {
    auto [name, value] = entry.split('=');
    name = name.trim();
    if (!is_contained(names, name))
      return emitError() << "has no field '" << name
                         << "'; accepted: " << llvm::join(names, ", ");
    if (llvm::any_of(overrides,
                     [&](const auto &other) { return other.first == name; }))
      return emitError() << "sets '" << name << "' twice";
    overrides.push_back({name, value.trim()});
  }
  return overrides;
}

/// Sets one field from text.
static LogicalResult setField(Draft &draft, StringRef name, StringRef value,
                              EmitDiagnostic emitError) {
  if (auto number = find(kNumbers, name)) {
    if (!value.getAsInteger(10, draft.*number))
      return success();
    return emitError() << name << " must be a number, but is '" << value << "'";
  }
  if (auto choice = find(kSwitches, name)) {
    draft.*choice = value == "true";
    if (value == "true" || value == "false")
      return success();
    return emitError() << name << " must be true or false, but is '" << value
                       << "'";
  }
  std::optional<When> when = symbolizeWhen(value);
  if (!when)
    return emitError() << name << " must be never, needed or always, but is '"
                       << value << "'";
  draft.*find(kWhens, name) = *when;
  return success();
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

namespace {
/// Bytes of shared memory, by what takes them.
struct SharedMemory {
  SharedMemory(const Draft &draft, const ScheduleRequest &request);

  int64_t total() const { return queries + keys + values + others; }

  int64_t queries, keys, values;
  int64_t others; // key list, scratch and barriers
};
} // namespace

SharedMemory::SharedMemory(const Draft &draft, const ScheduleRequest &request) {
  auto getBytes = [&](int64_t slots, int64_t rows, int64_t columns) {
    auto type = RingType::get(request.element.getContext(),
                              {slots, rows, columns}, request.element);
    return slots * type.getSlotBytes();
  };
  queries = getBytes(draft.querySlots, draft.rows, request.headSize);
  keys = getBytes(draft.keySlots, draft.keys, request.headSize);
  values = getBytes(draft.valueSlots, draft.keys, request.valueSize);
  auto list = KeyListType::get(request.element.getContext(), draft.listSlots,
                               draft.keys);
  constexpr int64_t barriers = 16; // of a slot
  others = draft.listSlots * list.getSlotBytes() +
           getScratchBytes(draft.rows / std::min(draft.rows, request.group)) +
           barriers * (draft.listSlots + draft.keySlots + draft.valueSlots +
                       draft.querySlots);
}

static std::string describe(const SharedMemory &memory) {
  return llvm::formatv("{0} bytes of shared memory (queries {1}, keys {2}, "
                       "values {3}, list and barriers {4})",
                       memory.total(), memory.queries, memory.keys,
                       memory.values, memory.others)
      .str();
}

/// Registers that a consumer thread needs for its fragments, the f32 output
/// and scores and the 16-bit weights, and for addresses and rows. Without
/// overlap the weights take the place of the scores; products of a warp need
/// room for what they load.
static int64_t getFragmentRegisters(const Draft &draft,
                                    const ScheduleRequest &request) {
  bool warpgroups = request.target.warpgroups;
  int64_t others = warpgroups ? 24 : 40;
  int64_t scores = draft.keys / 2, weights = warpgroups ? draft.keys / 4 : 0;
  return draft.consumerRows / 64 * (request.valueSize / 2 + scores + weights) +
         others;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

static bool isSet(const ScheduleOverrides &overrides, StringRef name) {
  return llvm::any_of(overrides,
                      [&](const auto &entry) { return entry.first == name; });
}

/// Rows of an item, keys of a slot, and the split of the registers.
static void chooseTile(Draft &draft, const ScheduleRequest &request,
                       const ScheduleOverrides &overrides,
                       SmallVectorImpl<std::string> &reasons) {
  int64_t widest = std::max(request.headSize, request.valueSize);
  // Every row more is one more use of each gathered key: as many consumers as
  // the registers of output and gates leave room for. Measured on an H200, see
  // docs/Kernels.md.
  bool gated = request.gate != Gate::None;
  if (!isSet(overrides, "rows")) {
    draft.rows = widest <= 64 && !gated ? 256 : widest <= 128 ? 192 : 128;
    reasons.push_back(llvm::formatv(
        "rows = {0}: {1} consumers can hold {2} output columns{3}", draft.rows,
        draft.rows / 64, request.valueSize, gated ? " and gates" : ""));
  }
  if (draft.rows > 128) {
    draft.listSlots = 16;
    draft.keySlots = draft.valueSlots = widest <= 64 ? 4 : 3;
  }
  std::string reason = "slots of 128 keys fit into registers and shared memory";
  if (widest > 128) {
    draft.keys = 64;
    reason = llvm::formatv("rows of {0} elements leave no room for slots of "
                           "128 keys",
                           widest);
  } else if (draft.rows > 128) {
    draft.keys = 64;
    reason = "more than two consumers leave few registers to a thread";
  }
  if (!isSet(overrides, "keys"))
    reasons.push_back(llvm::formatv("keys = {0}: {1}", draft.keys, reason));

  reason = "the consumers get as many as there are";
  if (draft.rows > 128) {
    draft.producerRegisters = draft.rows == 192 ? 56 : 32;
    draft.consumerRegisters = draft.rows == 192 ? 152 : 112;
  } else if (draft.rows == 64) {
    draft.consumerRegisters = 240;
  } else if (gated) {
    draft.producerRegisters = 72;
    draft.consumerRegisters = 216;
    reason = "listing gated keys takes more, and consumers compute gates twice "
             "instead of keeping them";
  }
  if (!isSet(overrides, "producer_registers") &&
      !isSet(overrides, "consumer_registers"))
    reasons.push_back(llvm::formatv(
        "producer_registers = {0}, consumer_registers = {1}: {2}",
        draft.producerRegisters, draft.consumerRegisters, reason));

  draft.gates = gated ? When::Needed : When::Never;
}

/// Registers of a thread that no role can add to, as many as a schedule can
/// name.
static int64_t getEqualRegisters(const Draft &draft) {
  int64_t warpgroups = draft.rows / draft.consumerRows + 1;
  return std::min<int64_t>(240, getRegisterPool(warpgroups) / warpgroups);
}

/// The same for a target where products belong to a warp and all roles have the
/// same registers: the consumers that leave a thread enough of them, and the
/// slots that fit.
static LogicalResult chooseWarpTile(Draft &draft,
                                    const ScheduleRequest &request,
                                    const ScheduleOverrides &overrides,
                                    EmitDiagnostic emitError,
                                    SmallVectorImpl<std::string> &reasons) {
  if (!isSet(overrides, "keys"))
    draft.keys = 64;
  draft.overlap = draft.pingPong = false;
  // What the user has set must make sense before it is reckoned with.
  draft.producerRegisters = draft.consumerRegisters = 24;
  if (!draft.get(request.element.getContext(), emitError))
    return failure();
  draft.gates = request.gate == Gate::None ? When::Never : When::Needed;
  // From the most useful slots to the least that work.
  constexpr int64_t slots[][4] = {{8, 4, 2, 2}, {8, 4, 2, 1}, {4, 2, 2, 1},
                                  {4, 2, 1, 1}, {2, 1, 1, 1}, {1, 1, 1, 1}};
  auto fitsWith = [&](ArrayRef<int64_t> counts) {
    draft.listSlots = counts[0];
    draft.keySlots = counts[1];
    draft.valueSlots = counts[2];
    draft.querySlots = counts[3];
    return SharedMemory(draft, request).total() <= request.target.sharedBytes;
  };
  // The more rows the better, but not in place of a second slot of keys. A warp
  // with 32 rows loads half as much from shared memory for each of them as one
  // with 16, but there are half as many warps to hide the softmax: on an H200
  // slower by 4 to 13%, so only on request.
  constexpr int64_t tiles[][2] = {
      {192, 64}, {128, 64}, {64, 64}, {256, 128}, {128, 128}};
  bool anyConsumer =
      isSet(overrides, "rows") && !isSet(overrides, "consumer_rows");
  int64_t wanted = draft.consumerRows;
  for (auto [rows, consumerRows] : tiles) {
    if ((isSet(overrides, "rows") && rows != draft.rows) ||
        (!anyConsumer && consumerRows != wanted))
      continue;
    draft.rows = rows;
    draft.consumerRows = consumerRows;
    if (getFragmentRegisters(draft, request) <= getEqualRegisters(draft) &&
        fitsWith(slots[3]))
      break;
  }
  draft.producerRegisters = draft.consumerRegisters = getEqualRegisters(draft);
  reasons.push_back(llvm::formatv(
      "rows = {0}, consumer_rows = {1}: {2} output columns fit into the {3} "
      "registers that every thread has",
      draft.rows, draft.consumerRows, request.valueSize,
      getEqualRegisters(draft)));
  for (ArrayRef<int64_t> counts : slots)
    if (fitsWith(counts))
      break;
  reasons.push_back(
      llvm::formatv("list_slots = {0}, key_slots = {1}, value_slots = {2}, "
                    "query_slots = {3}: what fits into {4} bytes",
                    draft.listSlots, draft.keySlots, draft.valueSlots,
                    draft.querySlots, request.target.sharedBytes));
  return success();
}

/// What needs a warpgroup's own instructions.
static LogicalResult checkWarpSchedule(const Draft &draft,
                                       const GPUTarget &target,
                                       EmitDiagnostic emitError) {
  if (draft.overlap)
    return emitError() << "overlap must be false for " << target.chip
                       << ", whose products do not run on beside the program";
  int64_t registers = getEqualRegisters(draft);
  if (draft.producerRegisters != registers ||
      draft.consumerRegisters != registers)
    return emitError() << "producer_registers and consumer_registers must be "
                       << registers << " with rows = " << draft.rows << ": on "
                       << target.chip << " all threads have the same";
  return success();
}

/// Combinations that would compute something else or do not fit.
static LogicalResult checkFit(const Draft &draft,
                              const ScheduleRequest &request,
                              EmitDiagnostic emitError) {
  if (draft.masks == When::Never)
    return emitError() << "masks must be needed or always, but is never";
  if (request.gate == Gate::None && draft.gates != When::Never)
    return emitError() << "gates must be never without a gate, but is "
                       << stringifyWhen(draft.gates);
  if (request.gate != Gate::None && draft.gates == When::Never)
    return emitError() << "gates must be needed or always with gate "
                       << stringifyGate(request.gate) << ", but is never";

  if (draft.consumerRows != 64 && request.target.warpgroups)
    return emitError() << "consumer_rows must be 64 for " << request.target.chip
                       << ", but is " << draft.consumerRows;
  if (draft.pingPong && !draft.overlap)
    return emitError() << "ping_pong needs overlap = true";
  if (draft.skipEdges && (request.group != 1 || request.packed))
    return emitError() << "skip_edges needs one query head for each key-value "
                          "head, and no packed documents";
  if (!request.target.warpgroups &&
      failed(checkWarpSchedule(draft, request.target, emitError)))
    return failure();

  int64_t registers = getFragmentRegisters(draft, request);
  if (registers > draft.consumerRegisters)
    return emitError() << "keys = " << draft.keys << " with "
                       << request.valueSize << " value columns needs about "
                       << registers
                       << " registers in a consumer thread, which has "
                       << draft.consumerRegisters
                       << "; accepted: fewer keys, or more consumer_registers";
  SharedMemory memory(draft, request);
  if (memory.total() > request.target.sharedBytes)
    return emitError() << "needs " << describe(memory) << "; a block has "
                       << request.target.sharedBytes
                       << "; accepted: smaller rows, keys, list_slots, "
                          "key_slots, value_slots or query_slots";
  return success();
}

FailureOr<ScheduleAttr> sparsek::selectSchedule(
    const ScheduleRequest &request, const ScheduleOverrides &overrides,
    EmitDiagnostic emitError, SmallVectorImpl<std::string> &reasons) {
  Draft draft;
  // The tile decides about the registers, and so about the other defaults.
  for (auto [name, value] : overrides)
    if (is_contained({"rows", "keys", "consumer_rows"}, name) &&
        failed(setField(draft, name, value, emitError)))
      return failure();
  if (request.target.warpgroups)
    chooseTile(draft, request, overrides, reasons);
  else if (failed(
               chooseWarpTile(draft, request, overrides, emitError, reasons)))
    return failure();
  for (auto [name, value] : overrides) {
    if (failed(setField(draft, name, value, emitError)))
      return failure();
    reasons.push_back(llvm::formatv("{0} = {1}: set by the user", name, value));
  }
  // Turns need products that run on while others compute.
  if (!isSet(overrides, "ping_pong"))
    draft.pingPong = request.target.warpgroups && draft.overlap &&
                     draft.rows >= 2 * draft.consumerRows;
  // Rows of one position each: of the edges of an item's windows most consumers
  // see a part.
  int64_t consumers = draft.rows / draft.consumerRows;
  int64_t slots = std::min({draft.listSlots, draft.keySlots, draft.valueSlots});
  if (!isSet(overrides, "skip_edges") && request.group == 1 &&
      !request.packed && draft.keys == 64 && draft.consumerRows == 64 &&
      consumers >= 2) {
    draft.skipEdges = !draft.overlap || slots >= consumers;
    reasons.push_back(llvm::formatv(
        "skip_edges = {0}: a row is a position, so of {1} consumers each sees "
        "a part of the window's edges{2}",
        draft.skipEdges, consumers,
        draft.skipEdges ? "" : "; but a ring has fewer slots than that"));
  }
  MLIRContext *context = request.element.getContext();
  if (!draft.get(context, emitError))
    return failure();

  if (!isSet(overrides, "query_slots") &&
      SharedMemory(draft, request).total() > request.target.sharedBytes) {
    draft.querySlots = 1;
    reasons.push_back("query_slots = 1: two do not fit into shared memory");
  }
  if (failed(checkFit(draft, request, emitError)))
    return failure();
  reasons.push_back(describe(SharedMemory(draft, request)));
  return draft.get(context, emitError);
}

RowMapAttr sparsek::selectRowMap(MLIRContext *context, int64_t rows,
                                 int64_t group) {
  int64_t heads = std::min(rows, group);
  return RowMapAttr::get(context, rows / heads, heads, group);
}
