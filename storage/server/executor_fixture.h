// SPDX-License-Identifier: Apache-2.0
// Requests of several clients through an executor's checks, without a network. For tests.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/command_runner.h"
#include "storage/server/executor.h"

namespace slotway::storage {

class ExecutorFixture : public ::testing::Test {
 protected:
  ExecutorFixture() : executor_(runner_.State(), runner_.Handlers(), nullptr) {
    other_.id = 7;
    runner_.State().clients.emplace(other_.id, &other_);
  }

  std::string Send(ClientState& client, const std::vector<std::string>& request) {
    const std::vector<std::string_view> args(request.begin(), request.end());
    runtime::ByteQueue output;
    executor_.Execute(client, executor_.Prepare(args), output);
    std::string reply;
    output.CopyTo(output.Begin(), output.Size(), reply);
    return reply;
  }
  std::string Send(const std::vector<std::string>& request) {
    return Send(runner_.Client(), request);
  }

  CommandRunner runner_;
  ClientState other_;
  Executor executor_;
};

}  // namespace slotway::storage
