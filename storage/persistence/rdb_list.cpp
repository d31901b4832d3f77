// SPDX-License-Identifier: Apache-2.0
// Lists in RDB's form: type 1 is the elements, type 18 a row of nodes: a container (1 one element as
// it is, 2 a listpack), then its bytes as a string. Type 10 is a ziplist, type 14 a row of them.
#include <string>
#include <utility>
#include <vector>

#include "storage/engine/list_handle.h"
#include "storage/persistence/rdb_value.h"
#include "storage/persistence/ziplist.h"

namespace slotway::storage {
namespace {

constexpr std::uint64_t kPlainNode = 1;
constexpr std::uint64_t kPackedNode = 2;

void WriteNode(RdbWriter& writer, std::string_view listpack) {
  writer.Length(kPackedNode);
  writer.String(listpack);
}

// All elements with the encoding that their number and size ask for.
RestoreResult StoreList(const std::vector<Listpack>& nodes, const RestoreTarget& target) {
  const ListLimits& limits = target.limits.list;
  ListHandle list = ListHandle::Create(target.keyspace, target.key, target.now_ms);
  NumberText buffer;
  for (const Listpack& node : nodes) {
    const ListpackReader reader = node.reader();
    for (std::size_t at = reader.Begin(); at != reader.End(); at = reader.Next(at)) {
      const std::string_view text = reader.At(at).Text(buffer);
      list.MakeRoom(text.size(), 1, limits);
      list.PushBack(text, limits);
    }
  }
  return RestoreResult::kDone;
}

RestoreResult ReadZiplists(RdbReader& reader, std::uint64_t count, const RestoreTarget& target) {
  if (count == 0 || count > reader.BytesLeft()) return RestoreResult::kBadData;
  std::vector<Listpack> nodes;
  std::string bytes;
  for (std::uint64_t i = 0; i < count; ++i) {
    reader.String(bytes);
    auto node = ListpackOfZiplist(bytes);
    if (!reader.Ok() || !node) return RestoreResult::kBadData;
    // Redis drops empty nodes; a list of nothing else is none.
    if (node->reader().Count() > 0) nodes.push_back(std::move(*node));
  }
  if (!reader.AtEnd() || nodes.empty()) return RestoreResult::kBadData;
  return StoreList(nodes, target);
}

}  // namespace

void WriteRdbList(RdbWriter& writer, Keyspace&, const Entry& entry) {
  writer.Type(RdbType::kQuicklist2);
  if (entry.encoding() == Encoding::kListpack) {
    writer.Length(1);
    WriteNode(writer, entry.Bytes());
    return;
  }
  const auto& list = static_cast<const Quicklist&>(*entry.Object());
  writer.Length(list.NodeCount());
  for (std::size_t node = 0; node < list.NodeCount(); ++node) {
    WriteNode(writer, list.NodeBytes(node));
  }
}

RestoreResult ReadRdbList(RdbReader& reader, const RestoreTarget& target) {
  const std::uint64_t count = reader.Length();
  // Every element takes a byte at least: a count beyond that is a lie.
  if (count == 0 || count > reader.BytesLeft()) return RestoreResult::kBadData;
  std::vector<Listpack> nodes(1);
  std::string text;
  for (std::uint64_t i = 0; i < count && reader.Ok(); ++i) {
    reader.String(text);
    if (!FitsInListpack(target.limits.list, nodes.back().bytes().size(), 0)) nodes.emplace_back();
    nodes.back().Append(text);
  }
  if (!reader.Ok() || !reader.AtEnd()) return RestoreResult::kBadData;
  return StoreList(nodes, target);
}

RestoreResult ReadRdbQuicklist2(RdbReader& reader, const RestoreTarget& target) {
  const std::uint64_t count = reader.Length();
  if (count == 0 || count > reader.BytesLeft()) return RestoreResult::kBadData;
  std::vector<Listpack> nodes;
  std::string bytes;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t container = reader.Length();
    reader.String(bytes);
    if (!reader.Ok()) return RestoreResult::kBadData;
    if (container == kPlainNode) {
      nodes.emplace_back().Append(bytes);
    } else if (container == kPackedNode && IsValidListpack(bytes)) {
      nodes.emplace_back(bytes);
    } else {
      return RestoreResult::kBadData;
    }
    // Redis drops empty nodes; a list of nothing else is none.
    if (nodes.back().reader().Count() == 0) nodes.pop_back();
  }
  if (!reader.AtEnd() || nodes.empty()) return RestoreResult::kBadData;
  return StoreList(nodes, target);
}

RestoreResult ReadRdbListZiplist(RdbReader& reader, const RestoreTarget& target) {
  return ReadZiplists(reader, 1, target);
}

RestoreResult ReadRdbQuicklist(RdbReader& reader, const RestoreTarget& target) {
  return ReadZiplists(reader, reader.Length(), target);
}

}  // namespace slotway::storage
