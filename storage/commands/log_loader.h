// SPDX-License-Identifier: Apache-2.0
// Loads an append-only log: its files in their order, piece by piece.
//
// A file is an RDB file, or commands, or the one with the other behind it. Commands are run as they
// stand; what stands between MULTI and EXEC is run when EXEC has come. A file that ends in the
// middle of something is only tolerated as the last one, and if aof-load-truncated says so: it is
// cut behind its last whole command or transaction. Anything else that is wrong is an error with
// file and place. Engine thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log_record_parser.h"
#include "runtime/byte_queue.h"
#include "storage/commands/client_state.h"
#include "storage/commands/data_file.h"

namespace slotway::storage {

class LogLoader final : public DataLoader {
 public:
  // `files` with their paths.
  static runtime::Result<std::unique_ptr<LogLoader>> Open(ServerState& server,
                                                          const std::vector<std::string>& files);

  Status Step() override;
  std::optional<ReplicationHistory> History() const override { return history_; }

 private:
  struct File {
    std::string name;
    std::unique_ptr<InputFile> input;
  };

  LogLoader(ServerState& server, std::vector<File> files, std::uint64_t bytes_in_all);
  Status FailHere(const std::string& reason);
  Status EndOfFile();
  bool TakeRdb(std::string_view bytes);
  bool TakeCommands();
  bool Take(std::span<const std::string_view> args);
  bool Run(std::span<const std::string_view> args);

  std::vector<File> files_;
  std::size_t current_ = 0;
  std::string buffer_;
  std::string pending_;            // read, not yet taken
  std::uint64_t offset_ = 0;       // of pending_ in the file
  std::uint64_t whole_until_ = 0;  // in the file: behind the last whole command or transaction
  bool is_begun_ = false;          // it is known what the file begins with
  std::string reason_;             // of what went wrong in it

  ServerReadTarget target_;
  std::unique_ptr<RdbFileReader> rdb_;  // while what is read is an RDB file
  protocol::LogRecordParser parser_;
  ClientState client_;
  runtime::ByteQueue discarded_;
  std::optional<ReplicationHistory> history_;  // that a note tells, while nothing follows it
  bool is_in_transaction_ = false;
  std::vector<std::vector<std::string>> transaction_;
};

}  // namespace slotway::storage
