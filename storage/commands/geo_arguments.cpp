// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/geo_arguments.h"

#include <cstdio>
#include <string>

#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

// A number with a fixed count of digits behind the point; as many before it as a double can have.
std::string FixedDigits(const char* format, double number) {
  char text[400];
  const int length = std::snprintf(text, sizeof text, format, number);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

std::optional<double> MetresPerUnit(std::string_view unit) {
  if (EqualsNoCase(unit, "m")) return 1;
  if (EqualsNoCase(unit, "km")) return 1000;
  if (EqualsNoCase(unit, "ft")) return 0.3048;
  if (EqualsNoCase(unit, "mi")) return 1609.34;
  return std::nullopt;
}

bool ReadPoint(CommandContext& ctx, std::size_t index, GeoPoint& point) {
  const auto longitude = ParseDouble(ctx.args[index]);
  const auto latitude = longitude ? ParseDouble(ctx.args[index + 1]) : std::nullopt;
  if (!latitude) {
    ctx.Error(protocol::error_text::kNotFloat);
    return false;
  }
  point = {*longitude, *latitude};
  if (point.IsOnTheGrid()) return true;
  ctx.Error("ERR invalid longitude,latitude pair " + FixedDigits("%f", *longitude) + "," +
            FixedDigits("%f", *latitude));
  return false;
}

void ReplyPoint(CommandContext& ctx, const GeoPoint& point) {
  ctx.reply.Array(2);
  ctx.reply.DoubleText(FormatLongDouble(point.longitude));
  ctx.reply.DoubleText(FormatLongDouble(point.latitude));
}

void ReplyDistance(CommandContext& ctx, double distance) {
  ctx.reply.Bulk(FixedDigits("%.4f", distance));
}

}  // namespace slotway::storage
