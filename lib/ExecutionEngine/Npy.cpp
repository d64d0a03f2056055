//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Npy.h"

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace mlir;
using namespace sparsek;

static constexpr StringLiteral kMagic("\x93NUMPY");
/// Magic, two version bytes, a two-byte header length.
static constexpr size_t kPreambleV1 = 10;
static constexpr size_t kPreambleV2 = 12;

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

namespace {
struct Header {
  std::string descr;
  bool fortranOrder = false;
  SmallVector<int64_t, 4> shape;
};

/// Parses the header: a Python dictionary with the keys `descr`,
/// `fortran_order` and `shape`.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : text(text) {}

  bool parse(Header &header) {
    bool seen[3] = {};
    if (!consume("{"))
      return false;
    while (!consume("}")) {
      std::string key;
      if (!parseString(key) || !consume(":"))
        return false;
      bool parsed = false;
      if (key == "descr")
        parsed = seen[0] = parseString(header.descr);
      else if (key == "fortran_order")
        parsed = seen[1] = parseBool(header.fortranOrder);
      else if (key == "shape")
        parsed = seen[2] = parseShape(header.shape);
      if (!parsed)
        return false;
      if (!consume(",") && !skipSpace().starts_with("}"))
        return false;
    }
    return seen[0] && seen[1] && seen[2] && skipSpace().empty();
  }

private:
  StringRef skipSpace() { return text = text.ltrim(); }
  bool consume(StringRef token) {
    skipSpace();
    return text.consume_front(token);
  }
  bool parseString(std::string &value) {
    skipSpace();
    if (text.empty() || (text.front() != '\'' && text.front() != '"'))
      return false;
    size_t end = text.find(text.front(), 1);
    if (end == StringRef::npos)
      return false;
    value = text.slice(1, end).str();
    text = text.drop_front(end + 1);
    return true;
  }
  bool parseBool(bool &value) {
    value = consume("True");
    return value || consume("False");
  }
  bool parseShape(SmallVectorImpl<int64_t> &shape) {
    if (!consume("("))
      return false;
    while (!consume(")")) {
      int64_t size;
      if (skipSpace().consumeInteger(10, size) || size < 0)
        return false;
      text = text.drop_while(llvm::isDigit);
      // Python 2 wrote long integers.
      text.consume_front("L");
      shape.push_back(size);
      if (!consume(",") && !skipSpace().starts_with(")"))
        return false;
    }
    return true;
  }

  StringRef text;
};
} // namespace

/// The element type that `descr` names, or nothing.
static std::optional<ElementType>
getElementTypeOfDescr(StringRef descr, std::optional<ElementType> voidType) {
  if (descr.empty())
    return std::nullopt;
  char order = descr.front();
  StringRef kind = descr;
  if (StringRef("<>=|").contains(order))
    kind = descr.drop_front();
  unsigned bytes = 0;
  if (kind.empty() || kind.drop_front().getAsInteger(10, bytes))
    return std::nullopt;
  if (order == '>' && bytes != 1)
    return std::nullopt;
  switch (kind.front()) {
  case 'b':
    return bytes == 1 ? std::optional(ElementType::I1) : std::nullopt;
  case 'i':
    return parseElementType((llvm::Twine("i") + llvm::Twine(8 * bytes)).str());
  case 'f':
    return parseElementType((llvm::Twine("f") + llvm::Twine(8 * bytes)).str());
  case 'V':
    if (voidType && getByteSize(*voidType) == bytes)
      return voidType;
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

static StringRef getDescr(ElementType type) {
  switch (type) {
  case ElementType::I1:
    return "|b1";
  case ElementType::I8:
    return "|i1";
  case ElementType::I16:
    return "<i2";
  case ElementType::I32:
    return "<i4";
  case ElementType::I64:
  case ElementType::Index:
    return "<i8";
  case ElementType::F16:
    return "<f2";
  case ElementType::BF16:
    return "<V2";
  case ElementType::F32:
    return "<f4";
  case ElementType::F64:
    return "<f8";
  }
  llvm_unreachable("unknown element type");
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

llvm::Expected<Tensor> sparsek::parseNpy(StringRef contents, StringRef name,
                                         std::optional<ElementType> voidType) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError("'" + llvm::Twine(name) + "': " + reason);
  };
  if (!contents.starts_with(kMagic))
    return fail("not a .npy file");
  if (contents.size() < kPreambleV1)
    return fail("truncated .npy header");
  unsigned version = static_cast<uint8_t>(contents[6]);
  if (version < 1 || version > 3)
    return fail(".npy format version " + llvm::Twine(version) +
                " is unknown; versions 1 to 3 are read");
  size_t preamble = version == 1 ? kPreambleV1 : kPreambleV2;
  if (contents.size() < preamble)
    return fail("truncated .npy header");
  const char *length = contents.data() + 8;
  size_t headerBytes = version == 1 ? llvm::support::endian::read16le(length)
                                    : llvm::support::endian::read32le(length);
  if (contents.size() - preamble < headerBytes)
    return fail("truncated .npy header");
  Header header;
  if (!HeaderParser(contents.substr(preamble, headerBytes)).parse(header))
    return fail("the .npy header is not a dictionary of 'descr' (a plain "
                "type), 'fortran_order' and 'shape'");
  std::optional<ElementType> type =
      getElementTypeOfDescr(header.descr, voidType);
  if (!type)
    return fail("element type '" + llvm::Twine(header.descr) +
                "' is not supported; accepted are little-endian f2, f4, f8, "
                "i1, i2, i4, i8, b1, and V2 for bf16");
  if (header.fortranOrder && header.shape.size() > 1)
    return fail("the array is in Fortran order; save it with "
                "numpy.ascontiguousarray");

  llvm::Expected<Tensor> tensor = Tensor::create(*type, header.shape);
  if (!tensor)
    return fail(llvm::toString(tensor.takeError()));
  StringRef data = contents.drop_front(preamble + headerBytes);
  if (static_cast<int64_t>(data.size()) != tensor->getNumBytes())
    return fail((static_cast<int64_t>(data.size()) < tensor->getNumBytes()
                     ? llvm::Twine("truncated: ")
                     : llvm::Twine("data after the end: ")) +
                tensor->getTypeString() + " takes " +
                llvm::Twine(tensor->getNumBytes()) + " bytes, the file has " +
                llvm::Twine(data.size()));
  if (!data.empty())
    std::memcpy(tensor->getData(), data.data(), data.size());
  return tensor;
}

llvm::Expected<Tensor> sparsek::readNpy(StringRef path,
                                        std::optional<ElementType> voidType) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError("cannot read '" + llvm::Twine(path) +
                                   "': " + buffer.getError().message());
  return parseNpy((*buffer)->getBuffer(), path, voidType);
}

llvm::Error sparsek::writeNpy(StringRef path, const TensorRef &tensor) {
  std::string header;
  llvm::raw_string_ostream headerOS(header);
  headerOS << "{'descr': '" << getDescr(tensor.type)
           << "', 'fortran_order': False, 'shape': (";
  for (int64_t size : tensor.shape)
    headerOS << size << ",";
  headerOS << "), }";
  // The data starts at a multiple of 64, after a line break.
  size_t end = llvm::alignTo(kPreambleV1 + header.size() + 1, 64);
  header.append(end - kPreambleV1 - header.size() - 1, ' ');
  header += '\n';
  std::optional<int64_t> count = getNumElements(tensor.shape);
  if (!count || header.size() > 0xffff)
    return llvm::createStringError("cannot write '" + llvm::Twine(path) +
                                   "': impossible shape");

  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (!error) {
    char preamble[4] = {1, 0, 0, 0};
    llvm::support::endian::write16le(preamble + 2,
                                     static_cast<uint16_t>(header.size()));
    os << kMagic << StringRef(preamble, 4) << header;
    os.write(static_cast<const char *>(tensor.data),
             *count * getByteSize(tensor.type));
    os.close();
    error = os.error();
    os.clear_error();
  }
  if (error)
    return llvm::createStringError("cannot write '" + llvm::Twine(path) +
                                   "': " + error.message());
  return llvm::Error::success();
}
