// SPDX-License-Identifier: Apache-2.0
// For tests: saving and loading with a file in a directory of its own, at once and without a loop.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "storage/commands/data_file.h"
#include "storage/commands/persistence_host.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class FileHost final : public PersistenceHost {
 public:
  explicit FileHost(ServerState& server) : server_(server) {
    std::string pattern = std::filesystem::temp_directory_path() / "slotway-data-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    server.persistence_host = this;
  }
  ~FileHost() override { std::filesystem::remove_all(directory_); }

  std::string File() const { return directory_ + "/dump.rdb"; }

  std::optional<std::string> Save() override { return SaveDataFile(server_, File()); }
  std::optional<std::string> BackgroundSave(bool, bool&) override { return Save(); }
  std::optional<std::string> LoadFile(LoadPolicy policy) override {
    auto loader = DataFileLoader::Open(server_, File(), policy);
    auto status = DataFileLoader::Status::kReading;
    if (!loader || *loader == nullptr) status = DataFileLoader::Status::kFailed;
    while (status == DataFileLoader::Status::kReading) status = (*loader)->Step();
    if (status == DataFileLoader::Status::kDone) return std::nullopt;
    return "ERR Error trying to load the RDB dump, check server logs.";
  }
  std::optional<std::string> RewriteLog(bool&) override { return std::nullopt; }
  void SyncLogSoon() override {}
  void SlowDownLog(std::chrono::microseconds) override {}
  void NoteFlushAll() override {}
  std::optional<std::string> LoadLog() override { return std::nullopt; }
  std::optional<std::string> ShutDown(const ShutdownRequest&) override { return std::nullopt; }

 private:
  ServerState& server_;
  std::string directory_;
};

}  // namespace slotway::storage
