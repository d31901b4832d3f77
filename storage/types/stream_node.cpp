// SPDX-License-Identifier: Apache-2.0
#include "storage/types/stream_node.h"

#include <string>

namespace slotway::storage {
namespace {

constexpr std::int64_t kDeleted = 1;
constexpr std::int64_t kHeadFields = 2;
// flags, ms, seq
constexpr std::int64_t kFixedPieces = 3;

std::int64_t Difference(std::uint64_t number, std::uint64_t base) {
  return static_cast<std::int64_t>(number - base);
}

// Elements one behind the other, to be added to a listpack at once.
class ElementRun {
 public:
  void Number(std::int64_t number) { Add(EncodedElement(number)); }
  void Text(std::string_view text) { Add(EncodedElement(text)); }
  void AppendTo(Listpack& listpack) const { listpack.AppendEncoded(bytes_, count_); }

 private:
  void Add(const EncodedElement& element) {
    bytes_.append(element.bytes());
    ++count_;
  }
  std::string bytes_;
  std::size_t count_ = 0;
};

void AddEntry(ElementRun& run, StreamId node_id, StreamId id,
              std::span<const std::string_view> pairs, bool has_head_fields) {
  const auto fields = static_cast<std::int64_t>(pairs.size() / 2);
  run.Number(has_head_fields ? kHeadFields : 0);
  run.Number(Difference(id.ms, node_id.ms));
  run.Number(Difference(id.seq, node_id.seq));
  if (!has_head_fields) run.Number(fields);
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    if (!has_head_fields) run.Text(pairs[i]);
    run.Text(pairs[i + 1]);
  }
  run.Number(kFixedPieces + fields + (has_head_fields ? 0 : fields + 1));
}

// Reads elements of a well-formed listpack that need not be a node.
class ElementWalk {
 public:
  explicit ElementWalk(std::string_view bytes) : reader_(bytes), at_(reader_.Begin()) {}
  bool AtEnd() const { return at_ == reader_.End(); }
  bool Ok() const { return ok_; }

  std::int64_t Number() {
    if (AtEnd() || !ok_) return Fail();
    const ListpackElement element = reader_.At(at_);
    if (!element.is_number) return Fail();
    at_ = reader_.Next(at_);
    return element.number;
  }
  void Skip(std::int64_t count) {
    if (count < 0) Fail();
    for (; ok_ && count > 0; --count) {
      if (AtEnd()) {
        Fail();
      } else {
        at_ = reader_.Next(at_);
      }
    }
  }

 private:
  std::int64_t Fail() {
    ok_ = false;
    return 0;
  }
  ListpackReader reader_;
  std::size_t at_;
  bool ok_ = true;
};

}  // namespace

StreamNodeReader::StreamNodeReader(StreamId node_id, std::string_view bytes)
    : reader_(bytes), node_id_(node_id) {
  std::size_t at = reader_.Begin();
  live_ = Number(at);
  at = reader_.Next(at);
  deleted_ = Number(at);
  at = reader_.Next(at);
  field_count_ = static_cast<std::size_t>(Number(at));
  fields_at_ = reader_.Next(at);
  entries_at_ = fields_at_;
  for (std::size_t i = 0; i <= field_count_; ++i) entries_at_ = reader_.Next(entries_at_);
}

StreamNodeReader::Entry StreamNodeReader::At(std::size_t at) const {
  Entry entry;
  entry.at = at;
  const std::int64_t flags = Number(at);
  entry.is_deleted = (flags & kDeleted) != 0;
  entry.has_own_fields = (flags & kHeadFields) == 0;
  at = reader_.Next(at);
  entry.id.ms = node_id_.ms + static_cast<std::uint64_t>(Number(at));
  at = reader_.Next(at);
  entry.id.seq = node_id_.seq + static_cast<std::uint64_t>(Number(at));
  at = reader_.Next(at);
  entry.field_count = field_count_;
  if (entry.has_own_fields) {
    entry.field_count = static_cast<std::size_t>(Number(at));
    at = reader_.Next(at);
  }
  entry.body_at = at;
  return entry;
}

std::size_t StreamNodeReader::Next(const Entry& entry) const {
  std::size_t at = entry.body_at;
  const std::size_t elements = entry.has_own_fields ? 2 * entry.field_count : entry.field_count;
  for (std::size_t i = 0; i <= elements; ++i) at = reader_.Next(at);
  return at;
}

std::size_t StreamNodeReader::Previous(std::size_t at) const {
  at = reader_.Previous(at);
  for (std::int64_t pieces = Number(at); pieces > 0; --pieces) at = reader_.Previous(at);
  return at;
}

bool StreamNodeReader::HasHeadFields(std::span<const std::string_view> pairs) const {
  if (pairs.size() != 2 * field_count_) return false;
  NumberText digits;
  std::size_t at = fields_at_;
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    if (reader_.At(at).Text(digits) != pairs[i]) return false;
    at = reader_.Next(at);
  }
  return true;
}

Listpack MakeStreamNode(std::span<const std::string_view> pairs) {
  ElementRun run;
  run.Number(1);
  run.Number(0);
  run.Number(static_cast<std::int64_t>(pairs.size() / 2));
  for (std::size_t i = 0; i < pairs.size(); i += 2) run.Text(pairs[i]);
  run.Number(0);
  AddEntry(run, {}, {}, pairs, true);
  Listpack node;
  run.AppendTo(node);
  return node;
}

void AppendStreamEntry(Listpack& node, StreamId node_id, StreamId id,
                       std::span<const std::string_view> pairs) {
  const StreamNodeReader reader(node_id, node.bytes());
  ElementRun run;
  AddEntry(run, node_id, id, pairs, reader.HasHeadFields(pairs));
  const std::int64_t live = reader.LiveCount() + 1;
  run.AppendTo(node);
  node.Replace(ListpackReader::kHeaderBytes, live);
}

void MarkStreamEntry(Listpack& node, const StreamNodeReader::Entry& entry) {
  stream_node_detail::SetDeletedFlag(node, entry);
  stream_node_detail::AddToCounts(node, 1);
}

namespace stream_node_detail {

void SetDeletedFlag(Listpack& node, const StreamNodeReader::Entry& entry) {
  node.Replace(entry.at, kDeleted | (entry.has_own_fields ? 0 : kHeadFields));
}

void AddToCounts(Listpack& node, std::int64_t marked) {
  const std::size_t live_at = ListpackReader::kHeaderBytes;
  node.Replace(live_at, node.reader().At(live_at).number - marked);
  const std::size_t deleted_at = node.reader().Next(live_at);
  node.Replace(deleted_at, node.reader().At(deleted_at).number + marked);
}

}  // namespace stream_node_detail

std::optional<StreamNodeSummary> InspectStreamNode(StreamId node_id, std::string_view bytes) {
  if (!IsValidListpack(bytes)) return std::nullopt;
  ElementWalk walk(bytes);
  const std::int64_t live = walk.Number();
  const std::int64_t deleted = walk.Number();
  const std::int64_t head_fields = walk.Number();
  walk.Skip(head_fields);
  if (walk.Number() != 0) return std::nullopt;
  StreamNodeSummary summary;
  std::uint64_t deleted_found = 0;
  for (bool is_first = true; walk.Ok() && !walk.AtEnd(); is_first = false) {
    const std::int64_t flags = walk.Number();
    if (flags < 0 || flags > (kDeleted | kHeadFields)) return std::nullopt;
    StreamId id;
    id.ms = node_id.ms + static_cast<std::uint64_t>(walk.Number());
    id.seq = node_id.seq + static_cast<std::uint64_t>(walk.Number());
    const bool has_own_fields = (flags & kHeadFields) == 0;
    const std::int64_t fields = has_own_fields ? walk.Number() : head_fields;
    walk.Skip(fields);
    if (has_own_fields) walk.Skip(fields);
    const std::int64_t pieces = walk.Number();
    if (!walk.Ok() || pieces != kFixedPieces + fields + (has_own_fields ? fields + 1 : 0)) {
      return std::nullopt;
    }
    if (is_first ? id < node_id : id <= summary.last) return std::nullopt;
    if (is_first) summary.first = id;
    summary.last = id;
    ++((flags & kDeleted) != 0 ? deleted_found : summary.live);
  }
  const bool is_true = live >= 0 && static_cast<std::uint64_t>(live) == summary.live &&
                       deleted >= 0 && static_cast<std::uint64_t>(deleted) == deleted_found;
  if (!walk.Ok() || !is_true || summary.live + deleted_found == 0) return std::nullopt;
  return summary;
}

}  // namespace slotway::storage
