// SPDX-License-Identifier: Apache-2.0
// Where a data set goes that is loaded beside the one that is served: the databases are exchanged
// around each piece, functions wait for the end. Engine thread only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/data_snapshot.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class SideTarget final : public RdbReadTarget {
 public:
  explicit SideTarget(ServerState& server) : target_(server, LoadPolicy::kFlushed) {}

  Keyspace* Database(std::uint64_t index) override { return target_.Database(index); }
  void Aux(std::string_view name, std::string_view value) override { target_.Aux(name, value); }
  std::optional<std::string> Function(std::string_view library) override {
    functions_.emplace_back(library);
    return std::nullopt;
  }
  // Adds the functions. REQUIRES: those of before are gone.
  std::optional<std::string> AddFunctions() {
    for (const std::string& library : functions_) {
      if (auto error = target_.Function(library)) return error;
    }
    return std::nullopt;
  }

 private:
  ServerReadTarget target_;
  std::vector<std::string> functions_;
};

}  // namespace slotway::storage
