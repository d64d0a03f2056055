//===- LaunchRecord.cpp - How to launch a compiled kernel -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/CUDARuntime/LaunchRecord.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

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

static KernelRecord readKernel(Reader &reader) {
  KernelRecord kernel;
  kernel.name = reader.readString("name");
  kernel.threads = reader.readInteger("threads", 1, 1024);
  // The device's own limit is checked when the kernel is loaded there.
  kernel.sharedBytes = reader.readInteger("shared_bytes", 0, 1 << 20);
  kernel.grid =
      llvm::StringSwitch<Grid>(
          reader.readWord("grid", {"persistent", "items",
                                   "chunks x batch_score_heads", "key_blocks"}))
          .Case("items", Grid::Items)
          .Case("chunks x batch_score_heads", Grid::Chunks)
          .Case("key_blocks", Grid::KeyBlocks)
          .Default(Grid::Persistent);
  if (kernel.grid == Grid::Persistent)
    kernel.blocksPerSM = reader.readInteger("blocks_per_sm", 1, 32);
  reader.readArray("arguments", [&](Reader &argument) {
    Argument next = readArgument(argument);
    if (llvm::is_contained(kernel.arguments, next))
      argument.fail("name", "'" + getName(next) + "' is named twice");
    kernel.arguments.push_back(next);
  });
  return kernel;
}

static LaunchRecord readRecord(Reader &reader) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  LaunchRecord record;
  // A later version may have other fields, so it comes first.
  reader.readInteger("version", 1, 1);
  reader.readWord("op", {"gathered_attention"});
  record.chip = reader.readString("chip");
  record.dtype = reader.readWord("dtype", {"bf16", "f16", "f32"});
  record.headDim = reader.readInteger("head_dim", 1, most);
  record.valueDim = reader.readInteger("value_dim", 1, most);
  record.group = reader.readInteger("group", 1, most);
  record.gate = reader.readWord(
      "gate", {"key_value", "value", "none", "straight_through"});
  record.sink = reader.readBool("sink");
  record.packed = reader.readBool("packed");
  Reader tile = reader.readObject("tile");
  record.tilePositions = tile.readInteger("positions", 1, most);
  record.tileHeads = tile.readInteger("head_block", 1, most);
  reader.readArray("kernels", [&](Reader &kernel) {
    record.kernels.push_back(readKernel(kernel));
  });
  if (record.kernels.empty())
    reader.fail("kernels", "expected at least one kernel");
  const std::pair<Argument, bool> optional[] = {
      {Argument::Sink, record.sink},
      {Argument::CuSeqlens, record.packed},
      {Argument::Documents, record.packed}};
  for (auto [argument, given] : optional)
    if (record.uses(argument) && !given)
      reader.fail("kernels", "a kernel takes '" + getName(argument) +
                                 "', but the record says that there is none");
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
