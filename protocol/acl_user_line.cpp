// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_user_line.h"

#include <algorithm>
#include <span>
#include <vector>

namespace slotway::protocol {
namespace {

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

}  // namespace

std::string_view AclUserLineName(std::string_view line) {
  const std::vector<std::string_view> words = WordsOf(line);
  return words.empty() ? std::string_view() : words.front();
}

tl::expected<AclUser, std::string> ReadAclUserLine(std::string_view line,
                                                   const AclContext& context) {
  const std::vector<std::string_view> words = WordsOf(line);
  if (words.empty()) return tl::unexpected(std::string("needs a name and rules"));
  AclUser user(words.front(), context);
  if (auto applied = user.ApplyAll(std::span(words).subspan(1), context); !applied) {
    return tl::unexpected(applied.error());
  }
  return user;
}

}  // namespace slotway::protocol
