//===- LaunchRecord.cpp - How to launch a compiled kernel -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/LaunchRecord.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

#include <limits>
#include <optional>

using namespace sparsek::cuda;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

namespace {
struct ArgumentInfo {
  StringRef name;
  ArgumentType type;
};
} // namespace

static constexpr ArgumentInfo argumentInfos[] = {
#define SPARSEK_ARGUMENT_INFO(id, name, type) {name, ArgumentType::type},
    SPARSEK_KERNEL_ARGUMENTS(SPARSEK_ARGUMENT_INFO)
#undef SPARSEK_ARGUMENT_INFO
};

StringRef sparsek::cuda::getName(Argument argument) {
  return argumentInfos[size_t(argument)].name;
}

ArgumentType sparsek::cuda::getType(Argument argument) {
  return argumentInfos[size_t(argument)].type;
}

static StringRef getTypeName(ArgumentType type) {
  switch (type) {
  case ArgumentType::Pointer:
    return "ptr";
  case ArgumentType::I32:
    return "i32";
  case ArgumentType::I64:
    return "i64";
  case ArgumentType::F32:
    return "f32";
  case ArgumentType::F64:
    return "f64";
  }
  llvm_unreachable("no other type");
}

static std::optional<Argument> findArgument(StringRef name) {
  for (size_t i = 0; i < kNumArguments; ++i)
    if (argumentInfos[i].name == name)
      return Argument(i);
  return std::nullopt;
}

static std::string getArgumentNames() {
  std::string names;
  for (const ArgumentInfo &info : argumentInfos)
    names += (Twine(names.empty() ? "" : ", ") + info.name).str();
  return names;
}

static constexpr StringRef gridFactorNames[] = {
#define SPARSEK_GRID_NAME(id, name) name,
    SPARSEK_GRID_FACTORS(SPARSEK_GRID_NAME)
#undef SPARSEK_GRID_NAME
};

StringRef sparsek::cuda::getName(GridFactor factor) {
  return gridFactorNames[size_t(factor)];
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads the fields of one JSON object. The first failure is kept in `message`,
/// with the path of the field; later reads do nothing.
class Reader {
public:
  Reader(const json::Value &value, std::string path, std::string &message)
      : object(value.getAsObject()), path(std::move(path)), message(message) {
    if (!object)
      fail("", "expected an object");
  }

  void fail(StringRef key, const Twine &what) {
    if (message.empty())
      message =
          (Twine(path) + (key.empty() ? "" : ".") + key + ": " + what).str();
  }

  bool has(StringRef key) const { return find(key) != nullptr; }

  int64_t readInteger(StringRef key, int64_t least, int64_t most) {
    const json::Value *value = find(key);
    std::optional<int64_t> integer =
        value ? value->getAsInteger() : std::nullopt;
    if (integer && *integer >= least && *integer <= most)
      return *integer;
    fail(key, "expected an integer from " + Twine(least) + " to " +
                  Twine(most) + (integer ? ", got " + Twine(*integer) : ""));
    return least;
  }

  bool readBool(StringRef key) {
    const json::Value *value = find(key);
    std::optional<bool> flag = value ? value->getAsBoolean() : std::nullopt;
    if (!flag)
      fail(key, "expected true or false");
    return flag.value_or(false);
  }

  std::string readString(StringRef key) {
    const json::Value *value = find(key);
    std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
    if (!text)
      fail(key, "expected a string");
    return text.value_or("").str();
  }

  /// One of a few words.
  std::string readWord(StringRef key, llvm::ArrayRef<StringRef> accepted) {
    std::string word = readString(key);
    if (!llvm::is_contained(accepted, word))
      fail(key, "expected one of " + llvm::join(accepted, ", ") + "; got '" +
                    word + "'");
    return word;
  }

  /// The object in a field.
  Reader readObject(StringRef key) {
    static const json::Value none = nullptr;
    const json::Value *value = find(key);
    return Reader(value ? *value : none, path + "." + key.str(), message);
  }

  /// Calls `read` for every object of an array.
  void readArray(StringRef key, llvm::function_ref<void(Reader &)> read) {
    const json::Value *value = find(key);
    const json::Array *array = value ? value->getAsArray() : nullptr;
    if (!array)
      return fail(key, "expected an array");
    for (auto [index, element] : llvm::enumerate(*array)) {
      std::string at =
          path + "." + key.str() + "[" + std::to_string(index) + "]";
      Reader reader(element, at, message);
      if (!message.empty())
        return;
      read(reader);
    }
  }

private:
  const json::Value *find(StringRef key) const {
    return object ? object->get(key) : nullptr;
  }

  const json::Object *object;
  std::string path;
  std::string &message;
};
} // namespace

static Argument readArgument(Reader &reader) {
  std::string name = reader.readString("name");
  std::string type = reader.readString("type");
  std::optional<Argument> argument = findArgument(name);
  if (!argument)
    reader.fail("name", "unknown argument '" + Twine(name) + "', known are " +
                            getArgumentNames());
  else if (type != getTypeName(getType(*argument)))
    reader.fail("type", "argument '" + Twine(name) + "' is of type " +
                            getTypeName(getType(*argument)) + ", got '" + type +
                            "'");
  return argument.value_or(Argument::Q);
}

static constexpr int64_t kMaxI32 = std::numeric_limits<int32_t>::max();

static llvm::SmallVector<GridFactor, 2> readGrid(Reader &reader) {
  std::string text = reader.readString("grid");
  llvm::SmallVector<StringRef> names;
  StringRef(text).split(names, " x ");
  llvm::SmallVector<GridFactor, 2> grid;
  for (StringRef name : names) {
    const StringRef *found = llvm::find(gridFactorNames, name);
    if (found != std::end(gridFactorNames))
      grid.push_back(GridFactor(found - std::begin(gridFactorNames)));
  }
  if (grid.size() != names.size() || grid.size() > 2)
    reader.fail("grid", "expected one factor, or two with ' x ' between, of " +
                            llvm::join(llvm::ArrayRef(gridFactorNames), ", ") +
                            "; got '" + text + "'");
  return grid;
}

static KernelRecord readKernel(Reader &reader) {
  KernelRecord kernel;
  kernel.name = reader.readString("name");
  kernel.threads = reader.readInteger("threads", 1, 1024);
  // The device's own limit is checked when the kernel is loaded there.
  kernel.sharedBytes = reader.readInteger("shared_bytes", 0, 1 << 20);
  kernel.grid = readGrid(reader);
  if (llvm::is_contained(kernel.grid, GridFactor::Persistent))
    kernel.blocksPerSM = reader.readInteger("blocks_per_sm", 1, 32);
  reader.readArray("arguments", [&](Reader &argument) {
    Argument next = readArgument(argument);
    if (llvm::is_contained(kernel.arguments, next))
      argument.fail("name", "'" + getName(next) + "' is named twice");
    kernel.arguments.push_back(next);
  });
  kernel.waits = reader.has("waits") && reader.readBool("waits");
  return kernel;
}

/// An optional argument that a kernel takes must be there.
static void checkOptional(Reader &reader, const LaunchRecord &record,
                          Argument argument, bool given) {
  if (record.uses(argument) && !given)
    reader.fail("kernels", "a kernel takes '" + getName(argument) +
                               "', but the record says that there is none");
}

static AttentionRecord readAttention(Reader &reader,
                                     const LaunchRecord &record) {
  AttentionRecord attention;
  attention.dtype = reader.readWord("dtype", {"bf16", "f16", "f32"});
  attention.headDim = reader.readInteger("head_dim", 1, kMaxI32);
  attention.valueDim = reader.readInteger("value_dim", 1, kMaxI32);
  attention.group = reader.readInteger("group", 1, kMaxI32);
  attention.gate = reader.readWord(
      "gate", {"key_value", "value", "none", "straight_through"});
  attention.sink = reader.readBool("sink");
  attention.packed = reader.readBool("packed");
  Reader tile = reader.readObject("tile");
  attention.tilePositions = tile.readInteger("positions", 1, kMaxI32);
  attention.tileHeads = tile.readInteger("head_block", 1, kMaxI32);
  checkOptional(reader, record, Argument::Sink, attention.sink);
  checkOptional(reader, record, Argument::CuSeqlens, attention.packed);
  checkOptional(reader, record, Argument::Documents, attention.packed);
  return attention;
}

/// The place of the kernel of this name, which `key` asks for.
static size_t findKernel(Reader &reader, StringRef key,
                         const LaunchRecord &record, StringRef name) {
  for (auto [index, kernel] : llvm::enumerate(record.kernels))
    if (kernel.name == name)
      return index;
  reader.fail(key, "there is no kernel '" + name + "'");
  return 0;
}

static SelectionRecord::Size readSize(Reader &reader,
                                      const LaunchRecord &record,
                                      const SelectionRecord &selection) {
  SelectionRecord::Size size;
  int64_t least =
      selection.sizes.empty() ? 1 : selection.sizes.back().maxKeys + 1;
  size.maxKeys = reader.readInteger("max_keys", least, 1 << 30);
  size.chunk = reader.readInteger("chunk", 1, 1 << 30);
  size.buckets = reader.readInteger("buckets", 1, 1 << 30);
  if (!llvm::isPowerOf2_64(size.chunk))
    reader.fail("chunk", "expected a power of two, got " + Twine(size.chunk));
  // A block counts at least one bucket at all boundaries.
  int64_t words = 4 * (llvm::divideCeil(size.maxKeys, size.chunk) + 1);
  if (words > selection.tableWords)
    reader.fail("chunk", "needs a table of " + Twine(words) +
                             " words, the record has table_words = " +
                             Twine(selection.tableWords));
  for (auto [key, place] : {std::pair("boundaries", &size.boundaries),
                            std::pair("thresholds", &size.thresholds)})
    *place = findKernel(reader, key, record, reader.readString(key));
  return size;
}

static SelectionRecord readSelection(Reader &reader,
                                     const LaunchRecord &record) {
  SelectionRecord selection;
  selection.packed = reader.readBool("packed");
  selection.maxMergedKeys = reader.readInteger("max_merged_keys", 0, kMaxI32);
  selection.sortTileLog2 = reader.readInteger("sort_tile_log2", 1, 30);
  selection.radixTileLog2 = reader.readInteger("radix_tile_log2", 1, 30);
  selection.scanTileLog2 = reader.readInteger("scan_tile_log2", 1, 30);
  selection.tableWords = reader.readInteger("table_words", 1, kMaxI32);
  reader.readArray("sizes", [&](Reader &size) {
    selection.sizes.push_back(readSize(size, record, selection));
  });
  if (selection.sizes.empty())
    reader.fail("sizes", "expected at least one size");
  const std::pair<StringRef, size_t *> kernels[] = {
      {"sort_tiles", &selection.sortTiles},
      {"merge_lists", &selection.mergeLists},
      {"count_scores", &selection.count[0]},
      {"count_digits", &selection.count[1]},
      {"scatter_scores", &selection.scatter[0]},
      {"scatter_digits", &selection.scatter[1]},
      {"rank_table", &selection.rankTable},
      {"rank_scan", &selection.rankScan},
      {"expiries", &selection.expiries}};
  for (auto [name, place] : kernels)
    *place = findKernel(reader, "kernels", record, name);
  if (selection.packed)
    selection.documents = findKernel(reader, "kernels", record, "documents");
  checkOptional(reader, record, Argument::CuSeqlens, selection.packed);
  checkOptional(reader, record, Argument::Documents, selection.packed);
  return selection;
}

static ScoreRecord readScore(Reader &reader, const LaunchRecord &record) {
  ScoreRecord score;
  score.dtype = reader.readWord("dtype", {"bf16", "f16"});
  score.weightDtype = reader.readWord("weight_dtype", {score.dtype, "f32"});
  score.features = reader.readInteger("features", 1, kMaxI32);
  score.scoreHeads = reader.readInteger("score_heads", 1, kMaxI32);
  score.timestep = reader.readWord("norm", {"none", "timestep"}) == "timestep";
  score.statistics = reader.readBool("statistics");
  score.carry = reader.readBool("carry");
  if (!score.timestep && (score.statistics || score.carry))
    reader.fail("norm", "only 'timestep' has statistics to take or to carry");
  score.rowsPerItem = reader.readInteger("rows_per_item", 1, kMaxI32);
  score.statisticPositions =
      reader.readInteger("statistic_positions", 1, 1 << 30);
  if (!llvm::isPowerOf2_64(score.statisticPositions))
    reader.fail("statistic_positions", "expected a power of two, got " +
                                           Twine(score.statisticPositions));
  checkOptional(reader, record, Argument::Statistics, score.statistics);
  checkOptional(reader, record, Argument::Carried, score.carry);
  return score;
}

static LaunchRecord readRecord(Reader &reader) {
  LaunchRecord record;
  // A later version may have other fields, so it comes first.
  reader.readInteger("version", 1, 1);
  std::string op = reader.readWord(
      "op", {AttentionRecord::kOp, SelectionRecord::kOp, ScoreRecord::kOp});
  record.chip = reader.readString("chip");
  reader.readArray("kernels", [&](Reader &kernel) {
    record.kernels.push_back(readKernel(kernel));
  });
  if (record.kernels.empty())
    reader.fail("kernels", "expected at least one kernel");
  if (op == SelectionRecord::kOp)
    record.operation = readSelection(reader, record);
  else if (op == ScoreRecord::kOp)
    record.operation = readScore(reader, record);
  else
    record.operation = readAttention(reader, record);
  return record;
}

Expected<LaunchRecord> LaunchRecord::parse(StringRef text) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return llvm::createStringError("the launch record is no JSON: " +
                                   llvm::toString(value.takeError()));
  std::string message;
  Reader reader(*value, "launch record", message);
  LaunchRecord record = readRecord(reader);
  if (!message.empty())
    return llvm::createStringError(message);
  return record;
}

bool LaunchRecord::uses(Argument argument) const {
  return llvm::any_of(kernels, [&](const KernelRecord &kernel) {
    return llvm::is_contained(kernel.arguments, argument);
  });
}

StringRef LaunchRecord::getOp() const {
  return std::visit([](const auto &record) { return StringRef(record.kOp); },
                    operation);
}
