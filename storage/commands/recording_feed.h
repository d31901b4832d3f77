// SPDX-License-Identifier: Apache-2.0
// The stream of changes as tests read it: each command as its words.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/commands/propagation.h"

namespace slotway::storage {

class RecordingFeed final : public ChangeFeed {
 public:
  using ChangeFeed::ChangeFeed;
  void Append(std::string_view commands) override {
    while (!commands.empty()) TakeCommand(commands);
  }
  std::vector<std::string> Take() { return std::move(commands_); }

 private:
  static std::size_t TakeNumber(std::string_view& bytes) {
    const std::size_t end = bytes.find('\r');
    const std::size_t number = std::stoul(std::string(bytes.substr(1, end - 1)));
    bytes.remove_prefix(end + 2);
    return number;
  }
  void TakeCommand(std::string_view& bytes) {
    std::string text;
    for (std::size_t left = TakeNumber(bytes); left > 0; --left) {
      const std::size_t size = TakeNumber(bytes);
      if (!text.empty()) text += ' ';
      text += bytes.substr(0, size);
      bytes.remove_prefix(size + 2);
    }
    commands_.push_back(std::move(text));
  }

  std::vector<std::string> commands_;
};

}  // namespace slotway::storage
