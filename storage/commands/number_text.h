// SPDX-License-Identifier: Apache-2.0
// Numbers as clients write and read them. What is accepted and how it is printed is Redis's:
// integers only in canonical form, floats as strtold() reads them but without spaces and NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotway::storage {

// "-12", "0"; no "+1", "01", "-0", " 1".
std::optional<std::int64_t> ParseInteger(std::string_view text);
std::optional<std::uint64_t> ParseUnsigned(std::string_view text);

std::optional<double> ParseDouble(std::string_view text);
std::optional<long double> ParseLongDouble(std::string_view text);

// Decimal digits, at most 17 behind the point, no trailing zeros, no exponent.
std::string FormatLongDouble(long double value);

// The sum, unless it does not fit.
std::optional<std::int64_t> AddChecked(std::int64_t a, std::int64_t b);

}  // namespace slotway::storage
