// SPDX-License-Identifier: Apache-2.0
// What GEOSEARCH and GEORADIUS ask for, read from their arguments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "storage/commands/command_context.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/types/geo_area.h"

namespace slotway::storage {

// What a command's name says.
struct GeoForm {
  enum class Kind : std::uint8_t { kAroundPoint, kAroundMember, kSearch, kSearchStore };

  Kind kind;
  std::size_t source_index = 1;
  bool is_read_only = false;

  bool IsSearch() const { return kind == Kind::kSearch || kind == Kind::kSearchStore; }
};

enum class GeoOrder : std::uint8_t { kNone, kNearestFirst, kFarthestFirst };

struct GeoQuery {
  GeoArea area;
  GeoOrder order = GeoOrder::kNone;
  std::size_t count = 0;  // 0: all
  bool takes_any = false;
  bool with_distance = false;
  bool with_hash = false;
  bool with_point = false;
  std::size_t store_index = 0;  // of the destination key; 0: none
  bool stores_distance = false;

  // A count without an order means the nearest ones, unless any will do.
  GeoOrder Order() const {
    const bool is_implied = order == GeoOrder::kNone && count != 0 && !takes_any;
    return is_implied ? GeoOrder::kNearestFirst : order;
  }
};

// Answers an error and returns false if the arguments are wrong. A member that the area is around
// is looked up in `source`; if there is no source, the area is left open.
bool ReadGeoQuery(CommandContext& ctx, const GeoForm& form,
                  const std::optional<SortedSetHandle>& source, GeoQuery& query);

}  // namespace slotway::storage
