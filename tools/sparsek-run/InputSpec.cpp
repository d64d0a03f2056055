//===- InputSpec.cpp - What --input accepts -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InputSpec.h"

#include "sparsek/ExecutionEngine/Npy.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace sparsek;
using llvm::Twine;

namespace {
enum class Kind { Zeros, Fill, Iota, Random, Normal };

struct Generator {
  Kind kind;
  uint64_t seed = 0;
  double value = 1.0;
  double low = 0.0, high = 1.0;
  double mean = 0.0, std = 1.0;
};

/// Numbers that are the same on every machine (SplitMix64).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  /// In [0, 1), a multiple of 2^-53.
  double uniform() { return (next() >> 11) * 0x1p-53; }
  double normal() {
    // Box-Muller; 1 - u is never 0.
    double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }

private:
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t state;
};
} // namespace

static std::optional<Kind> parseKind(StringRef text) {
  return llvm::StringSwitch<std::optional<Kind>>(text)
      .Case("zeros", Kind::Zeros)
      .Case("fill", Kind::Fill)
      .Case("iota", Kind::Iota)
      .Case("random", Kind::Random)
      .Case("normal", Kind::Normal)
      .Default(std::nullopt);
}

/// Converts as C does, but keeps out of the undefined cases.
template <typename T> static T toInteger(double value) {
  double low = static_cast<double>(std::numeric_limits<T>::min());
  double high = static_cast<double>(std::numeric_limits<T>::max());
  if (!(value > low))
    return std::numeric_limits<T>::min();
  if (value >= high)
    return std::numeric_limits<T>::max();
  return static_cast<T>(std::floor(value));
}

static void store(Tensor &tensor, int64_t index, double value) {
  switch (tensor.getType()) {
  case ElementType::I1:
    tensor.getDataAs<uint8_t>()[index] = value != 0.0;
    return;
  case ElementType::I8:
    tensor.getDataAs<int8_t>()[index] = toInteger<int8_t>(value);
    return;
  case ElementType::I16:
    tensor.getDataAs<int16_t>()[index] = toInteger<int16_t>(value);
    return;
  case ElementType::I32:
    tensor.getDataAs<int32_t>()[index] = toInteger<int32_t>(value);
    return;
  case ElementType::I64:
  case ElementType::Index:
    tensor.getDataAs<int64_t>()[index] = toInteger<int64_t>(value);
    return;
  case ElementType::F16:
    tensor.getDataAs<uint16_t>()[index] = floatToHalf(value);
    return;
  case ElementType::BF16:
    tensor.getDataAs<uint16_t>()[index] = floatToBfloat16(value);
    return;
  case ElementType::F32:
    tensor.getDataAs<float>()[index] = static_cast<float>(value);
    return;
  case ElementType::F64:
    tensor.getDataAs<double>()[index] = value;
    return;
  }
}

static void fill(Tensor &tensor, const Generator &generator) {
  Random random(generator.seed);
  bool isBool = tensor.getType() == ElementType::I1;
  for (int64_t i = 0, e = tensor.getNumElements(); i < e; ++i) {
    double value = 0.0;
    switch (generator.kind) {
    case Kind::Zeros:
      return;
    case Kind::Fill:
      value = generator.value;
      break;
    case Kind::Iota:
      value = static_cast<double>(i);
      break;
    case Kind::Random:
      value =
          generator.low + (generator.high - generator.low) * random.uniform();
      if (isBool)
        value = value >= (generator.low + generator.high) / 2;
      break;
    case Kind::Normal:
      value = generator.mean + generator.std * random.normal();
      break;
    }
    store(tensor, i, value);
  }
}

static llvm::Error parseOptions(StringRef text, Generator &generator) {
  while (!text.empty()) {
    auto [option, rest] = text.split(',');
    text = rest;
    auto [key, value] = option.split('=');
    if (key == "seed") {
      if (value.getAsInteger(10, generator.seed))
        return llvm::createStringError(Twine("'") + value +
                                       "' is not a seed; a seed is an integer "
                                       "from 0");
      continue;
    }
    double *target = llvm::StringSwitch<double *>(key)
                         .Case("value", &generator.value)
                         .Case("low", &generator.low)
                         .Case("high", &generator.high)
                         .Case("mean", &generator.mean)
                         .Case("std", &generator.std)
                         .Default(nullptr);
    if (!target)
      return llvm::createStringError(
          Twine("unknown option '") + key +
          "'; accepted are seed, value, low, high, mean, std");
    // LLVM's parser takes no infinities by these names.
    if (value == "inf" || value == "-inf")
      *target = value == "inf" ? HUGE_VAL : -HUGE_VAL;
    else if (value == "nan")
      *target = std::nan("");
    else if (value.getAsDouble(*target))
      return llvm::createStringError(Twine("'") + value + "' is not a number");
  }
  return llvm::Error::success();
}

/// Parses "1x8x64xf32", "f32", or "*" for the type of the argument itself.
static llvm::Error parseType(StringRef text, const ValueSignature &argument,
                             ElementType &type,
                             SmallVectorImpl<int64_t> &shape) {
  if (text == "*") {
    if (llvm::any_of(argument.shape, ShapedType::isDynamic))
      return llvm::createStringError(
          Twine("'*' needs a static shape, but the argument is ") +
          argument.getTypeString() + "; give the sizes, as in 2x3xf32");
    type = argument.type;
    shape.assign(argument.shape.begin(), argument.shape.end());
    return llvm::Error::success();
  }
  StringRef rest = text;
  int64_t size;
  while (!rest.empty() && llvm::isDigit(rest.front())) {
    if (rest.consumeInteger(10, size) || !rest.consume_front("x"))
      return llvm::createStringError(Twine("'") + text +
                                     "' is not a type like 2x3xf32");
    shape.push_back(size);
  }
  std::optional<ElementType> parsed = parseElementType(rest);
  if (!parsed)
    return llvm::createStringError(Twine("'") + text +
                                   "' is not a type like 2x3xf32; element "
                                   "types are " +
                                   getElementTypeNames());
  type = *parsed;
  return llvm::Error::success();
}

llvm::Expected<Tensor> sparsek::makeInput(StringRef spec,
                                          const ValueSignature &argument,
                                          unsigned index) {
  auto [kindText, rest] = spec.split(':');
  std::optional<Kind> kind = parseKind(kindText);
  if (!kind) {
    // Two-byte records mean what the argument wants of two bytes.
    std::optional<ElementType> voidType = ElementType::BF16;
    if (getByteSize(argument.type) == 2)
      voidType = argument.type;
    return readNpy(spec, voidType);
  }
  auto [typeText, optionText] = rest.split(':');
  if (typeText.empty())
    typeText = "*";
  Generator generator{*kind};
  generator.seed = index;
  ElementType type = argument.type;
  SmallVector<int64_t> shape;
  llvm::Error error = parseType(typeText, argument, type, shape);
  if (!error) {
    if (type != ElementType::F16 && type != ElementType::BF16 &&
        type != ElementType::F32 && type != ElementType::F64)
      generator.high = 2.0;
    error = parseOptions(optionText, generator);
  }
  if (error)
    return llvm::createStringError(Twine("in '") + spec +
                                   "': " + llvm::toString(std::move(error)));
  llvm::Expected<Tensor> tensor = Tensor::create(type, shape);
  if (tensor)
    fill(*tensor, generator);
  return tensor;
}
