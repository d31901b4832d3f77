// SPDX-License-Identifier: Apache-2.0
// A server's data in one RDB file: saving at once, and loading piece by piece.
//
// Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/result.h"
#include "storage/commands/data_snapshot.h"
#include "storage/persistence/input_file.h"

namespace slotway::storage {

class ServerState;

// Replaces `file` with the data there is now; what went wrong otherwise, and the file is as it was.
// REQUIRES: no snapshot is at work.
std::optional<std::string> SaveDataFile(ServerState& server, const std::string& file);
// The same as the base of an append-only log.
std::optional<std::string> SaveLogBase(ServerState& server, const std::string& file);

// Brings data into a server piece by piece. While one is at work keys do not expire, and loading is
// what INFO shows (persistence_facts.h).
class DataLoader {
 public:
  enum class Status : std::uint8_t { kReading, kDone, kFailed };

  DataLoader(ServerState& server, std::uint64_t bytes_in_all);
  virtual ~DataLoader();
  DataLoader(const DataLoader&) = delete;
  DataLoader& operator=(const DataLoader&) = delete;

  // Reads on a little: up to a millisecond or two of work, but for large values.
  virtual Status Step() = 0;
  const std::string& Error() const { return error_; }
  // The history that the data is of, if it says so. REQUIRES: it is done.
  virtual std::optional<ReplicationHistory> History() const { return std::nullopt; }

 protected:
  Status Fail(std::string error);
  void CountKeys(const RdbFileReader& reader);

  ServerState& server_;

 private:
  std::string error_;
};

class DataFileLoader final : public DataLoader {
 public:
  // nullptr when there is no such file. `keeps_history`: those who follow go on from what it holds.
  static runtime::Result<std::unique_ptr<DataFileLoader>> Open(ServerState& server,
                                                               const std::string& file,
                                                               LoadPolicy policy,
                                                               bool keeps_history = false);

  Status Step() override;
  std::optional<ReplicationHistory> History() const override { return target_.History(); }

 private:
  DataFileLoader(ServerState& server, std::string name, std::unique_ptr<InputFile> file,
                 LoadPolicy policy, bool keeps_history);
  std::string name_;
  std::unique_ptr<InputFile> file_;
  ServerReadTarget target_;
  RdbFileReader reader_;
  std::string buffer_;
};

}  // namespace slotway::storage
