// SPDX-License-Identifier: Apache-2.0
#include "protocol/resp_writer.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace slotway::protocol {
namespace {

// The digits of a number and where its point stands: 0.d1d2d3... * 10^(exponent + 1).
struct Decimal {
  char digits[24];
  int count = 0;
  int exponent = 0;  // of the first digit
};

Decimal ToDecimal(double magnitude) {
  char text[40];
  const char* end =
      std::to_chars(text, text + sizeof text, magnitude, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* p = text;
  for (; p != end && *p != 'e'; ++p) {
    if (*p != '.') decimal.digits[decimal.count++] = *p;
  }
  if (p != end) ++p;
  if (p != end && *p == '+') ++p;
  std::from_chars(p, end, decimal.exponent);
  return decimal;
}

char* Append(char* out, const char* bytes, int count) {
  std::memcpy(out, bytes, static_cast<std::size_t>(count));
  return out + count;
}

char* AppendZeros(char* out, int count) {
  std::memset(out, '0', static_cast<std::size_t>(count));
  return out + count;
}

// When an exponent is written follows Redis 7.2: not for integers of up to seven zeros behind their
// digits, nor for fractions of up to six decimals or from 0.001 to below 10000.
char* WriteDecimal(char* out, const Decimal& decimal) {
  const int trailing = decimal.exponent - decimal.count + 1;  // power of ten of the last digit
  const int size = std::abs(decimal.exponent);
  if (trailing >= 0 && size < decimal.count + 7) {
    return AppendZeros(Append(out, decimal.digits, decimal.count), trailing);
  }
  if (trailing < 0 && (trailing > -7 || size < 4)) {
    const int whole = decimal.count + trailing;
    if (whole <= 0) {
      out = AppendZeros(Append(out, "0.", 2), -whole);
      return Append(out, decimal.digits, decimal.count);
    }
    out = Append(out, decimal.digits, whole);
    *out++ = '.';
    return Append(out, decimal.digits + whole, decimal.count - whole);
  }
  *out++ = decimal.digits[0];
  if (decimal.count > 1) {
    *out++ = '.';
    out = Append(out, decimal.digits + 1, decimal.count - 1);
  }
  *out++ = 'e';
  *out++ = decimal.exponent < 0 ? '-' : '+';
  return std::to_chars(out, out + 4, size).ptr;
}

}  // namespace

std::string_view FormatDouble(double value, std::span<char, 32> buffer, DoubleStyle style) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char* const begin = buffer.data();
  if (style == DoubleStyle::kSeventeenDigits) {
    const int length = std::snprintf(begin, buffer.size(), "%.17g", value);
    return {begin, static_cast<std::size_t>(length)};
  }
  char* out = begin;
  if (std::signbit(value)) {
    *out++ = '-';
    value = -value;
  }
  // Whole numbers up to 2^62 are written out.
  constexpr double kWholeMax = 4611686018427387904.0;
  if (value <= kWholeMax && value == std::floor(value)) {
    out = std::to_chars(out, begin + buffer.size(), static_cast<std::int64_t>(value)).ptr;
  } else {
    out = WriteDecimal(out, ToDecimal(value));
  }
  return {begin, static_cast<std::size_t>(out - begin)};
}

}  // namespace slotway::protocol
