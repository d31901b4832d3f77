// SPDX-License-Identifier: Apache-2.0
// Places as members of sorted sets: GEOADD, GEODIST, GEOHASH, GEOPOS.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/geo_arguments.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/opened_key.h"
#include "storage/commands/sorted_set_add.h"
#include "storage/engine/sorted_set_handle.h"

namespace slotway::storage {
namespace {

// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
void GeoaddCommand(CommandContext& ctx) {
  AddOptions options;
  ArgumentReader reader(ctx, 2);
  while (reader.HasMore()) {
    if (reader.TakeWord("nx")) {
      options.only_new = true;
    } else if (reader.TakeWord("xx")) {
      options.only_existing = true;
    } else if (reader.TakeWord("ch")) {
      options.counts_changed = true;
    } else {
      break;
    }
  }
  if (reader.Left() % 3 != 0 || (options.only_new && options.only_existing)) reader.FailSyntax();
  if (!reader.Finish()) return;
  std::vector<ScoredMember> items;
  items.reserve(reader.Left() / 3);
  for (std::size_t i = reader.Position(); i < ctx.args.size(); i += 3) {
    GeoPoint point{};
    if (!ReadPoint(ctx, i, point)) return;
    items.push_back({GeoCell::Around(point, kGeoStepMax).Score(), ctx.args[i + 2]});
  }
  AddMembers(ctx, options, items);
}

std::optional<GeoPoint> PointOf(const OpenedKey<SortedSetHandle>& opened,
                                std::string_view member) {
  const auto score = opened.handle ? opened.handle->ScoreOf(member) : std::nullopt;
  if (!score) return std::nullopt;
  return GeoCell::OfScore(*score).Center();
}

void GeodistCommand(CommandContext& ctx) {
  if (ctx.args.size() > 5) {
    ctx.SyntaxError();
    return;
  }
  const auto unit = ctx.args.size() == 5 ? MetresPerUnit(ctx.args[4]) : 1;
  if (!unit) {
    ctx.Error(kUnknownUnit);
    return;
  }
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  const auto from = PointOf(opened, ctx.args[2]);
  const auto to = PointOf(opened, ctx.args[3]);
  if (from && to) {
    ReplyDistance(ctx, GeoDistance(*from, *to) / *unit);
  } else {
    ctx.reply.Null();
  }
}

void GeohashCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (const std::string_view member : ctx.args.subspan(2)) {
    if (const auto point = PointOf(opened, member)) {
      ctx.reply.Bulk(GeohashText(*point));
    } else {
      ctx.reply.Null();
    }
  }
}

void GeoposCommand(CommandContext& ctx) {
  auto opened = OpenToRead<SortedSetHandle>(ctx);
  if (opened.is_wrong_type) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (const std::string_view member : ctx.args.subspan(2)) {
    if (const auto point = PointOf(opened, member)) {
      ReplyPoint(ctx, *point);
    } else {
      ctx.reply.NullArray();
    }
  }
}

}  // namespace

std::span<const HandlerRow> GeoHandlers() {
  static constexpr HandlerRow kRows[] = {{"geoadd", &GeoaddCommand},
                                         {"geodist", &GeodistCommand},
                                         {"geohash", &GeohashCommand},
                                         {"geopos", &GeoposCommand}};
  return kRows;
}

}  // namespace slotway::storage
