// SPDX-License-Identifier: Apache-2.0
// SCAN over all shards, one shard per call; the cursor alone says where it stands
// (scan_position.h).
//
// Every key that exists from the first call to the last is returned at least once, also if slots
// move or masters change meanwhile. For this the node that ended its part is asked whether it had
// all of its slots: those that it gives away or has given away by now are listed one by one, there
// and where their keys go. (A node that restarts in place under the same address without its
// cursors is not noticed; with Redis alone neither.)
#include <charconv>
#include <string>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "protocol/glob.h"
#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/scan_position.h"
#include "proxy/operations/slot_view.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {
namespace {

using protocol::Slot;

constexpr std::string_view kAllKeys = "2147483647";
constexpr std::string_view kUnreachable =
    "CLUSTERDOWN The shard that serves this slot cannot be reached";

// As Redis reads it: digits and nothing else, at most 64 bits; no text at all is the beginning.
bool ReadCursor(std::string_view text, std::uint64_t& cursor) {
  if (text.empty()) text = "0";
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  return error == std::errc() && end == text.data() + text.size();
}

std::string TextOf(std::string_view reply) {
  auto value = protocol::ParseRespValue(reply);
  return value && value->IsText() ? value->text : std::string();
}

// How a server orders its cursors, from INFO SERVER.
ScanOrder OrderOf(std::string_view info) {
  auto field = [&](std::string_view name) -> std::string_view {
    auto at = info.find(name);
    if (at == std::string_view::npos) return {};
    std::string_view value = info.substr(at + name.size());
    return value.substr(0, value.find('\r'));
  };
  auto number = [](std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  if (!field("slotway_version:").empty()) return ScanOrder::kSlotHigh;
  if (std::string_view valkey = field("valkey_version:"); !valkey.empty()) {
    return number(valkey) >= 8 ? ScanOrder::kSlotLow : ScanOrder::kHash;
  }
  std::string_view redis = field("redis_version:");
  int major = number(redis);
  auto dot = redis.find('.');
  int minor = dot == std::string_view::npos ? 0 : number(redis.substr(dot + 1));
  return major > 7 || (major == 7 && minor >= 4) ? ScanOrder::kSlotLow : ScanOrder::kHash;
}

class Scan final : public Operation {
 public:
  Scan(const OperationContext& context, std::uint64_t cursor)
      : Operation(context),
        cursor_(cursor),
        args_(context.request.args.begin(), context.request.args.end()) {
    for (std::size_t i = 2; i + 1 < args_.size(); i += 2) {
      if (protocol::EqualsNoCase(args_[i], "match")) pattern_ = args_[i + 1];
      if (protocol::EqualsNoCase(args_[i], "type")) type_ = args_[i + 1];
    }
  }
  void Begin();
  void OnReply(std::size_t part, std::string_view reply) override;
  void OnShardReady(std::size_t) override { ListElsewhere(); }
  void OnLost(std::size_t, bool) override { FinishWithError(kUnreachable); }

 private:
  enum Part : std::size_t { kOrder, kViewBefore, kScan, kView, kHere, kThere, kWait, kTypes };

  void TakeMap();
  bool IsMapTheSame() const;
  Slot Owner() const { return static_cast<Slot>(position_.first); }
  void Ask();
  void TakePage(std::string_view reply);
  void TakeView(std::string_view reply, bool is_before);
  void ListSlot(int slot);
  void ListElsewhere();
  void TakeListing(std::string_view reply);
  void FilterByType();
  void TakeType(std::size_t key, std::string_view reply);
  void FinishPage();
  void FinishAsBefore();
  bool IsWanted(std::string_view key) const;

  std::uint64_t cursor_;
  std::vector<std::string> args_;
  std::string pattern_, type_;
  std::vector<NodeIndex> owners_;
  std::vector<std::uint64_t> marks_;
  ScanMap map_{std::span<const std::uint16_t, protocol::kSlotCount>(kNobody), {}, 0};
  ScanPosition position_, after_;
  NodeIndex node_ = kNoNodeIndex;
  SlotView view_;
  int listed_slot_ = 0;
  std::vector<std::string> keys_;
  std::vector<bool> has_type_;
  std::size_t types_left_ = 0;

  static constexpr std::array<std::uint16_t, protocol::kSlotCount> kNobody{};
};

void Scan::TakeMap() {
  auto owners = Dispatch().OwnerOfEachSlot();
  owners_.assign(owners.begin(), owners.end());
  marks_.clear();
  for (Slot slot : Dispatch().SlotOfEachMaster()) {
    NodeIndex node = Dispatch().OwnerIndex(slot);
    if (node == kNoNodeIndex) continue;
    if (marks_.size() <= node) marks_.resize(node + 1u);
    marks_[node] = Dispatch().MarkOf(node);
  }
  // A redirect may have brought an owner that no publication has told of.
  for (NodeIndex node : owners_) {
    if (node == kNoNodeIndex || node < marks_.size()) continue;
    marks_.resize(node + 1u);
    marks_[node] = Dispatch().MarkOf(node);
  }
  map_ = {std::span<const std::uint16_t, protocol::kSlotCount>(owners_.data(),
                                                               protocol::kSlotCount),
          marks_, Dispatch().MarkOfMap()};
}

void Scan::Begin() {
  TakeMap();
  position_ = ResumeScan(cursor_, map_);
  if (position_.IsDone()) {
    // No slot has an owner, or the last ones lost theirs.
    if (cursor_ == 0) return FinishWithError(protocol::error_text::kClusterDown);
    after_ = position_;
    return FinishPage();
  }
  node_ = map_.owner_of_slot[static_cast<std::size_t>(position_.first)];
  if (!position_.is_order_known) {
    Send(Owner(), {"INFO", "server"}, kOrder, true);
  } else {
    Ask();
  }
}

void Scan::Ask() {
  bool begins_range =
      position_.kind == ScanPosition::Kind::kRange && position_.server_cursor == 0;
  if (begins_range) {
    Send(Owner(), {"CLUSTER", "NODES"}, kViewBefore, true);
    return;
  }
  args_[1] = std::to_string(ServerCursor(position_));
  Send(Owner(), args_, kScan, true);
}

void Scan::OnReply(std::size_t part, std::string_view reply) {
  if (part < kTypes && reply.starts_with('-')) {
    // A server that does not tell what it is has no order to rely on.
    if (part != kOrder) return Finish(reply);
  }
  switch (part) {
    case kOrder:
      position_ = WithOrder(position_, OrderOf(TextOf(reply)), map_);
      return Ask();
    case kViewBefore:
      return TakeView(reply, true);
    case kScan:
      return TakePage(reply);
    case kView:
      return TakeView(reply, false);
    case kHere:
      TakeListing(reply);
      return ListElsewhere();
    case kThere:
      TakeListing(reply);
      return FilterByType();
    default:
      TakeType(part - kTypes, reply);
  }
}

bool Scan::IsMapTheSame() const {
  if (position_.kind == ScanPosition::Kind::kShards) return Dispatch().MarkOfMap() == map_.mark;
  return Dispatch().OwnerIndex(Owner()) == node_;
}

void Scan::TakePage(std::string_view reply) {
  std::vector<std::string_view> elements, keys;
  std::uint64_t next = 0;
  if (!protocol::SplitArray(reply, elements) || elements.size() != 2 ||
      !ReadCursor(TextOf(elements[0]), next) || !protocol::SplitArray(elements[1], keys)) {
    return FinishWithError("ERR a shard answered SCAN with something else");
  }
  if (!IsMapTheSame()) return FinishAsBefore();
  after_ = AfterReply(position_, next, map_);
  for (std::string_view key : keys) {
    std::string text = TextOf(key);
    int slot = protocol::ToInt(protocol::SlotOfKey(text));
    if (IsCovered(position_, after_, slot)) keys_.push_back(std::move(text));
  }
  if (after_.first == position_.first) return FinishPage();
  Send(Owner(), {"CLUSTER", "NODES"}, kView, true);
}

void Scan::TakeView(std::string_view reply, bool is_before) {
  auto view = ParseSlotView(TextOf(reply));
  if (!view) return FinishWithError("ERR a shard answered CLUSTER NODES with something else");
  if (!IsMapTheSame()) return FinishAsBefore();
  view_ = std::move(*view);
  auto is_whole = [&](int slot) { return view_.whole.test(static_cast<std::size_t>(slot)); };
  if (is_before) {
    if (!is_whole(position_.first)) return ListSlot(position_.first);
    args_[1].assign(1, '0');
    Send(Owner(), args_, kScan, true);
    return;
  }
  int uncovered = FirstUncovered(position_, after_, map_, is_whole);
  if (uncovered == protocol::kSlotCount) return FinishPage();
  Dispatch().RequestRefresh();
  if (uncovered == position_.first) return ListSlot(uncovered);
  if (position_.IsBySlot()) {
    after_ = position_;
    after_.first = uncovered;
    after_.server_cursor = 0;
  } else {
    after_ = RangeFrom(uncovered, map_);
  }
  FinishPage();
}

// Keys go from here to there, never back: whoever is not found here is there by then.
void Scan::ListSlot(int slot) {
  listed_slot_ = slot;
  after_ = position_;
  after_.first = slot + 1;
  after_.server_cursor = 0;
  after_.is_order_known = false;
  if (!position_.IsBySlot()) after_ = RangeFrom(slot + 1, map_);
  if (!SendToNode(node_, {"CLUSTER", "GETKEYSINSLOT", std::to_string(slot), kAllKeys}, kHere)) {
    FinishAsBefore();
  }
}

void Scan::ListElsewhere() {
  auto where = view_.WhereElse(listed_slot_);
  NodeIndex node = where ? Dispatch().FindNode(*where) : kNoNodeIndex;
  if (node != kNoNodeIndex &&
      SendToNode(node, {"CLUSTER", "GETKEYSINSLOT", std::to_string(listed_slot_), kAllKeys},
                 kThere)) {
    return;
  }
  TryLater(Owner(), kWait, kUnreachable);
}

bool Scan::IsWanted(std::string_view key) const {
  return pattern_.empty() || protocol::GlobMatches(pattern_, key);
}

void Scan::TakeListing(std::string_view reply) {
  std::vector<std::string_view> keys;
  protocol::SplitArray(reply, keys);
  for (std::string_view key : keys) {
    std::string text = TextOf(key);
    if (IsWanted(text)) keys_.push_back(std::move(text));
  }
}

// Also drops what has expired: SCAN does not return it, the listing does.
void Scan::FilterByType() {
  has_type_.assign(keys_.size(), false);
  types_left_ = keys_.size();
  if (keys_.empty()) return FinishPage();
  // The last answer may end the operation while it is sent.
  std::vector<std::string> keys = keys_;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Send(protocol::SlotOfKey(keys[i]), {"TYPE", keys[i]}, kTypes + i, true);
  }
}

void Scan::TakeType(std::size_t key, std::string_view reply) {
  std::string type = TextOf(reply);
  bool is_there = !reply.starts_with('-') && type != "none";
  has_type_[key] = is_there && (type_.empty() || protocol::EqualsNoCase(type, type_));
  if (--types_left_ > 0) return;
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (has_type_[i]) kept.push_back(std::move(keys_[i]));
  }
  keys_ = std::move(kept);
  FinishPage();
}

// The map changed under this call: the next one sees to it. What was found may be told.
void Scan::FinishAsBefore() {
  TakeMap();
  after_ = ResumeScan(cursor_, map_);
  if (after_.kind == ScanPosition::Kind::kShards) after_ = RangeFrom(after_.first, map_);
  FinishPage();
}

void Scan::FinishPage() {
  std::string reply;
  protocol::StringSink sink{reply};
  protocol::RespWriter<protocol::StringSink> writer(sink, Version());
  writer.Array(2);
  writer.Bulk(std::to_string(EncodeScan(after_, map_)));
  writer.Array(keys_.size());
  for (const std::string& key : keys_) writer.Bulk(key);
  Finish(reply);
}

// A backend without slots has one keyspace and one cursor.
class PlainScan final : public Operation {
 public:
  using Operation::Operation;
  void Begin(Args args) { Send(Slot{0}, args, 0, true); }
  void OnReply(std::size_t, std::string_view reply) override { Finish(reply); }
};

}  // namespace

void StartScan(const OperationContext& context) {
  std::uint64_t cursor = 0;
  if (!context.dispatcher.HasSlots() || !ReadCursor(context.request.args[1], cursor)) {
    // A shard finds the words for what is no cursor.
    (new PlainScan(context))->Begin(context.request.args);
    return;
  }
  (new Scan(context, cursor))->Begin();
}

}  // namespace slotway::proxy
