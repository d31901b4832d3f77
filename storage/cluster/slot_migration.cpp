// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/slot_migration.h"

#include <utility>

namespace slotway::storage::cluster {

std::string_view TextOf(MigrationState state) {
  switch (state) {
    case MigrationState::kQueued:
      return "queued";
    case MigrationState::kConnecting:
      return "connecting";
    case MigrationState::kAuthenticating:
      return "authenticating";
    case MigrationState::kEstablishing:
      return "establishing";
    case MigrationState::kWaitingForSnapshot:
      return "waiting-to-snapshot";
    case MigrationState::kSnapshotting:
      return "snapshotting";
    case MigrationState::kStreaming:
      return "replicating";
    case MigrationState::kPausing:
      return "waiting-to-pause";
    case MigrationState::kHandover:
      return "failing-over";
    case MigrationState::kSuccess:
      return "success";
    case MigrationState::kFailed:
      return "failed";
    case MigrationState::kCancelled:
      return "cancelled";
  }
  return "";
}

void MigrationLog::Add(MigrationRecord record, std::size_t length_max) {
  records_.push_front(std::move(record));
  while (records_.size() > length_max) records_.pop_back();
}

void WriteMigrations(const std::vector<const MigrationRecord*>& records, ReplyWriter& writer) {
  writer.Array(records.size());
  for (const MigrationRecord* record : records) {
    const std::pair<std::string_view, std::string> texts[] = {
        {"name", record->name},
        {"operation", record->is_export ? "EXPORT" : "IMPORT"},
        {"slot_ranges", FormatRanges(record->ranges)},
        {"target_node", std::string(record->target.Text())},
        {"source_node", std::string(record->source.Text())},
        {"state", std::string(TextOf(record->state))},
        {"message", record->message},
    };
    const std::pair<std::string_view, std::int64_t> numbers[] = {
        {"create_time", record->created_s},
        {"last_update_time", record->updated_s},
        {"last_ack_time", record->acknowledged_s},
        {"cow_size", 0},  // nothing is copied for a snapshot
        {"remaining_repl_size", static_cast<std::int64_t>(record->pending_bytes)},
        {"keys", static_cast<std::int64_t>(record->keys)},
        {"bytes", static_cast<std::int64_t>(record->bytes)},
    };
    writer.Map(std::size(texts) + std::size(numbers));
    for (const auto& [name, text] : texts) {
      writer.Bulk(name);
      writer.Bulk(text);
    }
    for (const auto& [name, number] : numbers) {
      writer.Bulk(name);
      writer.Integer(number);
    }
  }
}

}  // namespace slotway::storage::cluster
