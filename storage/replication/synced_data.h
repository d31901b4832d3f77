// SPDX-License-Identifier: Apache-2.0
// A master's data set while it is read: in the place of what is here, or beside it.
//
// Either is thrown away unless it was accepted as a whole: then nothing is left, or what there was.
// INFO shows it as loading meanwhile. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/commands/data_snapshot.h"
#include "storage/persistence/rdb_file_reader.h"

namespace slotway::storage {

class SyncedData {
 public:
  enum class Way : std::uint8_t {
    kInPlace,  // what is here goes first
    kBeside,   // what is here stays as long, but nobody is served
    kServing,  // as above, and it is served: it is of the same history
  };

  SyncedData(ServerState& server, Way way, std::uint64_t bytes_in_all);
  ~SyncedData();
  SyncedData(const SyncedData&) = delete;
  SyncedData& operator=(const SyncedData&) = delete;

  RdbFileReader::Status Feed(std::string_view bytes, std::size_t& taken);
  const std::string& Error() const { return reader_.Error(); }
  std::string ErrorOfEnd() const { return reader_.ErrorOfEnd(); }
  std::uint64_t KeysLoaded() const { return reader_.KeysLoaded(); }
  bool IsInPlace() const { return way_ == Way::kInPlace; }

  // It is what this server has from now on. False: its functions are no good, and it is not.
  // REQUIRES: all of it was read.
  bool Accept();
  // Which database its master's stream has selected.
  int StreamDb() const;

 private:
  ServerState& server_;
  Way way_;
  std::unique_ptr<ServerReadTarget> target_;
  RdbFileReader reader_;
  bool is_accepted_ = false;
};

}  // namespace slotway::storage
