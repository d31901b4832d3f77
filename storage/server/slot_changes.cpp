// SPDX-License-Identifier: Apache-2.0
#include "storage/server/slot_changes.h"

#include <limits>
#include <span>

#include "protocol/command_table.h"
#include "protocol/resp_writer.h"

namespace slotway::storage {
namespace {

void AppendWord(std::string& out, std::string_view word) {
  protocol::StringSink sink{out};
  protocol::WriteRequest(sink, std::span(&word, 1));
}

}  // namespace

SlotChanges::Place SlotChanges::PlaceOf(const protocol::CommandSpec& spec,
                                        std::span<const std::string_view> args) {
  const auto extracted = protocol::ExtractKeys(spec, args, keys_);
  if (extracted != protocol::KeyExtractionError::kNone || keys_.empty()) return Place::kNowhere;
  bool has_inside = false;
  bool has_outside = false;
  for (const protocol::KeyPosition& key : keys_) {
    const bool is_inside = slots_.Has(protocol::SlotOfKey(args[key.index]));
    (is_inside ? has_inside : has_outside) = true;
  }
  if (has_inside && has_outside) return Place::kBoth;
  return has_inside ? Place::kInside : Place::kOutside;
}

// Of a deletion, which is one for each key.
void SlotChanges::KeepOwnKeys(std::span<const std::string_view> args, std::string& out) const {
  std::vector<std::string_view> own = {args[0]};
  for (std::string_view key : args.subspan(1)) {
    if (slots_.Has(protocol::SlotOfKey(key))) own.push_back(key);
  }
  protocol::StringSink sink{out};
  protocol::WriteRequest(sink, own);
}

bool SlotChanges::Take(std::string_view unit, std::string& out) {
  static const protocol::CommandSpec* const kMulti = protocol::FindCommand("multi");
  static const protocol::CommandSpec* const kDeletions[] = {protocol::FindCommand("del"),
                                                            protocol::FindCommand("unlink")};
  protocol::RespRequestParser parser;
  // They were understood already.
  parser.SetLimits({.bulk_bytes_max = std::numeric_limits<std::int64_t>::max()});
  std::string kept;
  std::size_t count = 0;
  bool is_transaction = false;
  while (!unit.empty()) {
    if (parser.Parse(unit) != protocol::RespRequestParser::Status::kRequest) return false;
    const std::string_view bytes = unit.substr(0, parser.Consumed());
    unit.remove_prefix(bytes.size());
    const std::span<const std::string_view> args = parser.Args();
    const protocol::CommandSpec* spec = protocol::FindCommand(args);
    if (spec == nullptr) return false;
    is_transaction = is_transaction || spec == kMulti;
    const Place place = PlaceOf(*spec, args);
    if (place == Place::kInside) {
      kept.append(bytes);
      ++count;
    } else if (place == Place::kBoth) {
      if (spec != kDeletions[0] && spec != kDeletions[1]) return false;
      KeepOwnKeys(args, kept);
      ++count;
    }
  }
  const bool is_wrapped = is_transaction && count > 1;
  if (is_wrapped) AppendWord(out, "MULTI");
  out.append(kept);
  if (is_wrapped) AppendWord(out, "EXEC");
  return true;
}

}  // namespace slotway::storage
