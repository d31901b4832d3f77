// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/data_file.h"

#include <cstring>
#include <utility>

#include "storage/commands/server_state.h"
#include "storage/persistence/background_file.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kReadBytes = 128 * 1024;
constexpr std::size_t kKeysPerStep = 10000;

RdbReadOptions OptionsOf(const ServerState& server, LoadPolicy policy, bool keeps_history) {
  RdbReadOptions options = RdbReadOptionsOf(server, true, policy);
  options.keeps_due_keys_of_history = keeps_history;
  return options;
}

std::optional<std::string> SaveTo(const std::string& file, SnapshotSource source) {
  auto sink = BackgroundFile::Create(TemporaryBeside(file));
  if (!sink) return sink.error().text;
  RdbSnapshot snapshot(std::move(source), **sink);
  // A sink without room is asked again: its thread is writing.
  while (snapshot.Step(kKeysPerStep)) {
  }
  if (!snapshot.IsGivenUp()) {
    (*sink)->Commit(file);
    (*sink)->Wait();
  }
  if (const int error = (*sink)->Errno()) return file + ": " + std::strerror(error);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> SaveDataFile(ServerState& server, const std::string& file) {
  return SaveTo(file, SavedSourceOf(server));
}

std::optional<std::string> SaveLogBase(ServerState& server, const std::string& file) {
  return SaveTo(file, LogBaseSourceOf(server));
}

DataLoader::DataLoader(ServerState& server, std::uint64_t bytes_in_all) : server_(server) {
  LoadingFacts& loading = server.persistence.loading;
  loading.is_loading = true;
  loading.start_time_s = server.now_ms / 1000;
  loading.total_bytes = bytes_in_all;
  loading.loaded_bytes = 0;
  loading.start_used_bytes = server.UsedMemoryBytes();
  server.ApplyExpiryMode();
  server.propagation.Suspend(true);
}

DataLoader::~DataLoader() {
  server_.persistence.loading.is_loading = false;
  server_.ApplyExpiryMode();
  server_.propagation.Suspend(false);
}

DataLoader::Status DataLoader::Fail(std::string error) {
  error_ = std::move(error);
  return Status::kFailed;
}

void DataLoader::CountKeys(const RdbFileReader& reader) {
  server_.persistence.loading.last_keys_loaded = reader.KeysLoaded();
  server_.persistence.loading.last_keys_expired = reader.KeysDropped();
}

runtime::Result<std::unique_ptr<DataFileLoader>> DataFileLoader::Open(ServerState& server,
                                                                      const std::string& file,
                                                                      LoadPolicy policy,
                                                                      bool keeps_history) {
  auto opened = InputFile::Open(file);
  if (!opened) return tl::unexpected(opened.error());
  if (*opened == nullptr) return nullptr;
  return std::unique_ptr<DataFileLoader>(
      new DataFileLoader(server, file, std::move(*opened), policy, keeps_history));
}

DataFileLoader::DataFileLoader(ServerState& server, std::string name,
                               std::unique_ptr<InputFile> file, LoadPolicy policy,
                               bool keeps_history)
    : DataLoader(server, file->Bytes()),
      name_(std::move(name)),
      file_(std::move(file)),
      target_(server, policy),
      reader_(target_, OptionsOf(server, policy, keeps_history)),
      buffer_(kReadBytes, '\0') {}

DataFileLoader::Status DataFileLoader::Step() {
  const auto count = file_->Read(buffer_);
  if (!count) return Fail(count.error().text);
  if (*count == 0) return Fail(name_ + ": " + reader_.ErrorOfEnd());
  std::size_t taken = 0;
  const std::string_view bytes(buffer_.data(), *count);
  const RdbFileReader::Status status = reader_.Feed(bytes, taken);
  server_.persistence.loading.loaded_bytes += bytes.size();
  CountKeys(reader_);
  if (status == RdbFileReader::Status::kFailed) return Fail(name_ + ": " + reader_.Error());
  return status == RdbFileReader::Status::kDone ? Status::kDone : Status::kReading;
}

}  // namespace slotway::storage
