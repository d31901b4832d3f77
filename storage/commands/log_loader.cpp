// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/log_loader.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "protocol/command_table.h"
#include "runtime/log.h"
#include "storage/commands/command_call.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kReasonMax = 200;

}  // namespace

runtime::Result<std::unique_ptr<LogLoader>> LogLoader::Open(ServerState& server,
                                                            const std::vector<std::string>& files) {
  std::vector<File> opened;
  std::uint64_t bytes = 0;
  for (const std::string& name : files) {
    auto input = InputFile::Open(name);
    if (!input) return tl::unexpected(input.error());
    if (*input == nullptr) return runtime::Fail(name + ": is not there, but the manifest names it");
    bytes += (*input)->Bytes();
    opened.push_back({name, std::move(*input)});
  }
  return std::unique_ptr<LogLoader>(new LogLoader(server, std::move(opened), bytes));
}

LogLoader::LogLoader(ServerState& server, std::vector<File> files, std::uint64_t bytes_in_all)
    : DataLoader(server, bytes_in_all),
      files_(std::move(files)),
      buffer_(kReadBytes, '\0'),
      target_(server, LoadPolicy::kFlushed) {
  client_.denies_waiting = true;
}

DataLoader::Status LogLoader::Step() {
  if (current_ == files_.size()) return Status::kDone;
  const auto count = files_[current_].input->Read(buffer_);
  if (!count) return Fail(count.error().text);
  if (*count == 0) return EndOfFile();
  server_.persistence.loading.loaded_bytes += *count;
  const std::string_view bytes(buffer_.data(), *count);
  if (rdb_) {
    if (!TakeRdb(bytes)) return FailHere(reason_);
  } else {
    pending_.append(bytes);
  }
  if (!is_begun_ && pending_.size() >= kRdbMagic.size()) {
    is_begun_ = true;
    if (pending_.starts_with(kRdbMagic)) {
      rdb_ = std::make_unique<RdbFileReader>(
          target_, RdbReadOptionsOf(server_, false, LoadPolicy::kFlushed));
      const std::string first = std::exchange(pending_, {});
      if (!TakeRdb(first)) return FailHere(reason_);
    }
  }
  if (!rdb_ && is_begun_ && !TakeCommands()) return FailHere(reason_);
  return Status::kReading;
}

// What follows the RDB file goes to pending_.
bool LogLoader::TakeRdb(std::string_view bytes) {
  history_.reset();
  std::size_t taken = 0;
  const RdbFileReader::Status status = rdb_->Feed(bytes, taken);
  offset_ += taken;
  CountKeys(*rdb_);
  if (status == RdbFileReader::Status::kFailed) reason_ = rdb_->Error();
  if (status != RdbFileReader::Status::kDone) return status != RdbFileReader::Status::kFailed;
  rdb_.reset();
  whole_until_ = offset_;
  pending_.assign(bytes.substr(taken));
  return true;
}

bool LogLoader::TakeCommands() {
  using RecordStatus = protocol::LogRecordParser::Status;
  std::size_t at = 0;
  bool is_good = true;
  while (is_good) {
    const RecordStatus status = parser_.Parse(std::string_view(pending_).substr(at));
    if (status == RecordStatus::kIncomplete) break;
    if (status == RecordStatus::kBad) {
      reason_ = "what is there is no command";
      is_good = false;
    } else if (status == RecordStatus::kCommand) {
      history_.reset();
      is_good = Take(parser_.Args());
    } else if (status == RecordStatus::kNote) {
      const std::string_view note = std::string_view(pending_).substr(at, parser_.Consumed());
      if (const auto history = ReadHistoryNote(note, server_.DatabaseCount())) history_ = history;
    }
    if (!is_good) break;
    at += parser_.Consumed();
    if (!is_in_transaction_) whole_until_ = offset_ + at;
  }
  pending_.erase(0, at);
  offset_ += at;
  return is_good;
}

bool LogLoader::Take(std::span<const std::string_view> args) {
  const bool is_exec = args.size() == 1 && EqualsNoCase(args[0], "exec");
  if (args.size() == 1 && EqualsNoCase(args[0], "multi")) {
    if (is_in_transaction_) reason_ = "MULTI stands within a transaction";
    return !std::exchange(is_in_transaction_, true);
  }
  if (is_exec) {
    if (!is_in_transaction_) reason_ = "EXEC stands without MULTI";
    if (!std::exchange(is_in_transaction_, false)) return false;
    for (const std::vector<std::string>& queued : std::exchange(transaction_, {})) {
      if (!Run(std::vector<std::string_view>(queued.begin(), queued.end()))) return false;
    }
    return true;
  }
  if (!is_in_transaction_) return Run(args);
  transaction_.emplace_back(args.begin(), args.end());
  return true;
}

bool LogLoader::Run(std::span<const std::string_view> args) {
  const protocol::CommandSpec* spec = protocol::FindCommand(args);
  const std::string name(args[0].substr(0, kReasonMax));
  if (spec == nullptr || (!spec->subcommands.empty() && args.size() > 1)) {
    reason_ = "there is no command '" + name + "'";
    return false;
  }
  if (!spec->ArityFits(args.size())) {
    reason_ = "the command '" + name + "' has the wrong number of arguments";
    return false;
  }
  if (!MayStandInStream(*spec)) {
    reason_ = "the command '" + name + "' does not belong into a log";
    return false;
  }
  CommandContext ctx(server_, client_, *spec, args, discarded_);
  server_.handlers->Of(protocol::IdOf(*spec))(ctx);
  if (ctx.has_failed && spec->IsWrite()) {
    std::string reply;
    discarded_.CopyTo(discarded_.Begin(), discarded_.Size(), reply);
    reason_ = "the command '" + name + "' answered " + reply.substr(0, reply.find('\r'));
  }
  discarded_.Clear();
  return reason_.empty();
}

DataLoader::Status LogLoader::EndOfFile() {
  // A file shorter than what tells its kind.
  if (!is_begun_ && !pending_.empty() && !TakeCommands()) return FailHere(reason_);
  if (rdb_) return FailHere(rdb_->ErrorOfEnd());
  const std::uint64_t end = offset_ + pending_.size();
  if (end > whole_until_) {
    history_.reset();
    const bool is_last = current_ + 1 == files_.size();
    if (!is_last || !server_.Config().aof_load_truncated) {
      return FailHere(is_last ? "the file ends in the middle of a command or transaction, and "
                                "aof-load-truncated is off"
                              : "the file ends in the middle of a command or transaction");
    }
    runtime::LogWarning(
        "{}: ends in the middle of a command or transaction: cut from {} to {} bytes",
        files_[current_].name, end, whole_until_);
    std::error_code error;
    std::filesystem::resize_file(files_[current_].name, whole_until_, error);
    if (error) return Fail(files_[current_].name + ": " + error.message());
  }
  ++current_;
  pending_.clear();
  offset_ = whole_until_ = 0;
  is_begun_ = is_in_transaction_ = false;
  transaction_.clear();
  client_.db_index = 0;
  return current_ == files_.size() ? Status::kDone : Status::kReading;
}

DataLoader::Status LogLoader::FailHere(const std::string& reason) {
  return Fail(files_[current_].name + ": " + reason + ", near byte " + std::to_string(offset_));
}

}  // namespace slotway::storage
