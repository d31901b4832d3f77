// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/synced_data.h"

#include <vector>

#include "runtime/log.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {
namespace {

// Keys go beside those there are, functions wait.
class TargetBeside final : public ServerReadTarget {
 public:
  explicit TargetBeside(ServerState& server) : ServerReadTarget(server, LoadPolicy::kFlushed) {}

  bool TakePlace() override {
    if (!ReplaceFunctions(server_, libraries_)) return false;
    server_.incoming.TakePlace();
    return true;
  }

 private:
  Keyspace& Existing(int index) override { return server_.incoming.Database(index); }
  std::optional<std::string> Function(std::string_view library) override {
    libraries_.emplace_back(library);
    return std::nullopt;
  }

  std::vector<std::string> libraries_;
};

std::unique_ptr<ServerReadTarget> TargetFor(ServerState& server, bool is_in_place) {
  if (!is_in_place) return std::make_unique<TargetBeside>(server);
  return std::make_unique<ServerReadTarget>(server, LoadPolicy::kFlushed);
}

}  // namespace

SyncedData::SyncedData(ServerState& server, Way way, std::uint64_t bytes_in_all)
    : server_(server),
      way_(way),
      target_(TargetFor(server, IsInPlace())),
      reader_(*target_, RdbReadOptionsOf(server, false, LoadPolicy::kFlushed)) {
  runtime::LogInfo("MASTER <-> REPLICA sync: Loading DB in memory");
  if (IsInPlace()) FlushForLoading(server, true);
  LoadingFacts& loading = server.persistence.loading;
  loading.is_async = way == Way::kServing;
  loading.is_loading = !loading.is_async;
  loading.start_time_s = server.now_ms / 1000;
  loading.total_bytes = bytes_in_all;
  loading.loaded_bytes = 0;
  server.ApplyExpiryMode();
}

SyncedData::~SyncedData() {
  if (!is_accepted_ && IsInPlace()) FlushForLoading(server_, true);  // half of a data set is none
  if (!is_accepted_ && !IsInPlace()) server_.incoming.Drop();
  if (!is_accepted_) runtime::LogWarning("MASTER <-> REPLICA sync: The data set is thrown away");
  server_.persistence.loading.is_loading = server_.persistence.loading.is_async = false;
  server_.ApplyExpiryMode();
}

RdbFileReader::Status SyncedData::Feed(std::string_view bytes, std::size_t& taken) {
  const RdbFileReader::Status status = reader_.Feed(bytes, taken);
  server_.persistence.loading.loaded_bytes += taken;
  return status;
}

bool SyncedData::Accept() {
  is_accepted_ = target_->TakePlace();
  ++server_.changes_since_save;
  for (int i = 0; i < server_.DatabaseCount(); ++i) server_.waiters.NoteDatabase(i);
  return is_accepted_;
}

int SyncedData::StreamDb() const {
  const auto history = target_->History();
  return history ? history->stream_db : 0;
}

}  // namespace slotway::storage
