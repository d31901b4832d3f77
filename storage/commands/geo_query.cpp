// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/geo_query.h"

#include <limits>
#include <string>

#include "storage/commands/geo_arguments.h"
#include "storage/commands/number_text.h"

namespace slotway::storage {
namespace {

// Reads from left to right and answers the first error, as Redis does.
class GeoQueryReader {
 public:
  GeoQueryReader(CommandContext& ctx, const GeoForm& form,
                 const std::optional<SortedSetHandle>& source, GeoQuery& query)
      : ctx_(ctx), form_(form), source_(source), query_(query) {}

  bool Read() {
    if (!ReadFixed()) return false;
    while (next_ < ctx_.args.size()) {
      if (!ReadOption()) return false;
    }
    return Check();
  }

 private:
  using Kind = GeoForm::Kind;

  // What stands in front of the options.
  bool ReadFixed() {
    switch (form_.kind) {
      case Kind::kAroundPoint:
        next_ = 6;
        return ReadPoint(ctx_, 2, query_.area.center) && ReadRadius(4);
      case Kind::kAroundMember:
        next_ = 5;
        return !source_ || (ReadMember(2) && ReadRadius(3));
      case Kind::kSearch:
        next_ = 2;
        return true;
      case Kind::kSearchStore:
        next_ = 3;
        query_.store_index = 1;
        return true;
    }
    return false;
  }

  bool ReadOption() {
    if (Takes("withdist")) return query_.with_distance = true;
    if (Takes("withhash")) return query_.with_hash = true;
    if (Takes("withcoord")) return query_.with_point = true;
    if (Takes("any")) return query_.takes_any = true;
    if (Takes("asc")) return Order(GeoOrder::kNearestFirst);
    if (Takes("desc")) return Order(GeoOrder::kFarthestFirst);
    if (Takes("count", 1)) return ReadCount();
    if (form_.IsSearch()) return ReadSearchOption();
    if (!form_.is_read_only) {
      if (Takes("store", 1)) return StoreAt(false);
      if (Takes("storedist", 1)) return StoreAt(true);
    }
    ctx_.SyntaxError();
    return false;
  }

  bool ReadSearchOption() {
    if (!has_point_ && Takes("frommember", 1)) {
      has_member_ = true;
      return !source_ ? Skip(1) : ReadMember(Skipped(1));
    }
    if (!has_member_ && Takes("fromlonlat", 2)) {
      has_point_ = true;
      return ReadPoint(ctx_, Skipped(2), query_.area.center);
    }
    if (!has_box_ && Takes("byradius", 2)) {
      has_circle_ = true;
      return ReadRadius(Skipped(2));
    }
    if (!has_circle_ && Takes("bybox", 3)) {
      has_box_ = true;
      return ReadBox(Skipped(3));
    }
    if (form_.kind == Kind::kSearchStore && Takes("storedist")) {
      return query_.stores_distance = true;
    }
    ctx_.SyntaxError();
    return false;
  }

  // What fits together only if all options are known.
  bool Check() {
    const std::string_view name = ctx_.args[0];
    if (query_.store_index != 0 &&
        (query_.with_distance || query_.with_hash || query_.with_point)) {
      const std::string_view what = form_.kind == Kind::kSearchStore ? "GEOSEARCHSTORE"
                                                                     : "STORE option in GEORADIUS";
      return Fail(std::string(what) +
                  " is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
    }
    if (form_.IsSearch() && !has_member_ && !has_point_) {
      return Fail("exactly one of FROMMEMBER or FROMLONLAT can be specified for " +
                  std::string(name));
    }
    if (form_.IsSearch() && !has_circle_ && !has_box_) {
      return Fail("exactly one of BYRADIUS and BYBOX can be specified for " + std::string(name));
    }
    if (query_.takes_any && query_.count == 0) {
      return Fail("the ANY argument requires COUNT argument");
    }
    return true;
  }

  bool Fail(const std::string& text) {
    ctx_.Error("ERR " + text);
    return false;
  }

  // Takes an argument if it is this word and as many values follow.
  bool Takes(std::string_view word, std::size_t values = 0) {
    if (next_ + values >= ctx_.args.size() || !EqualsNoCase(ctx_.args[next_], word)) return false;
    ++next_;
    return true;
  }
  // The index of the next argument, which counts as read with those behind it.
  std::size_t Skipped(std::size_t values) {
    next_ += values;
    return next_ - values;
  }
  bool Skip(std::size_t values) {
    next_ += values;
    return true;
  }

  bool Order(GeoOrder order) {
    query_.order = order;
    return true;
  }

  bool StoreAt(bool stores_distance) {
    query_.store_index = Skipped(1);
    query_.stores_distance = stores_distance;
    return true;
  }

  bool ReadCount() {
    const auto count = ParseInteger(ctx_.args[Skipped(1)]);
    if (!count) {
      ctx_.Error(protocol::error_text::kNotInteger);
      return false;
    }
    if (*count <= 0) return Fail("COUNT must be > 0");
    query_.count = static_cast<std::size_t>(*count);
    return true;
  }

  bool ReadMember(std::size_t index) {
    const auto score = source_->ScoreOf(ctx_.args[index]);
    if (!score) return Fail("could not decode requested zset member");
    query_.area.center = GeoCell::OfScore(*score).Center();
    return true;
  }

  bool ReadLength(std::size_t index, std::string_view name, double& length) {
    const auto number = ParseDouble(ctx_.args[index]);
    if (!number) return Fail("need numeric " + std::string(name));
    length = *number;
    return true;
  }

  bool ReadUnit(std::size_t index) {
    const auto metres = MetresPerUnit(ctx_.args[index]);
    if (!metres) {
      ctx_.Error(kUnknownUnit);
      return false;
    }
    query_.area.metres_per_unit = *metres;
    return true;
  }

  bool ReadRadius(std::size_t index) {
    query_.area.shape = GeoArea::Shape::kCircle;
    if (!ReadLength(index, "radius", query_.area.radius)) return false;
    if (query_.area.radius < 0) return Fail("radius cannot be negative");
    return ReadUnit(index + 1);
  }

  bool ReadBox(std::size_t index) {
    GeoArea& area = query_.area;
    area.shape = GeoArea::Shape::kBox;
    if (!ReadLength(index, "width", area.width)) return false;
    if (!ReadLength(index + 1, "height", area.height)) return false;
    if (area.width < 0 || area.height < 0) return Fail("height or width cannot be negative");
    return ReadUnit(index + 2);
  }

  CommandContext& ctx_;
  const GeoForm& form_;
  const std::optional<SortedSetHandle>& source_;
  GeoQuery& query_;
  std::size_t next_ = 0;
  bool has_member_ = false;
  bool has_point_ = false;
  bool has_circle_ = false;
  bool has_box_ = false;
};

}  // namespace

bool ReadGeoQuery(CommandContext& ctx, const GeoForm& form,
                  const std::optional<SortedSetHandle>& source, GeoQuery& query) {
  return GeoQueryReader(ctx, form, source, query).Read();
}

}  // namespace slotway::storage
