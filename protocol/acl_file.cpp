// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_file.h"

#include <algorithm>

namespace slotway::protocol {
namespace {

std::string_view Trim(std::string_view text, std::string_view blanks) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

class AclFileReader {
 public:
  AclFileReader(std::string_view file, const AclContext& context)
      : file_(file), context_(context) {}

  void ReadLine(std::string_view line, std::size_t number) {
    place_ = file_ + ':' + std::to_string(number);
    const std::vector<std::string_view> words = Split(line, ' ');
    if (words[0] != "user" || words.size() < 2) {
      errors_ += place_ + " should start with user keyword followed by the username. ";
    } else if (HasAclSpaces(words[1])) {
      errors_ += '\'' + place_ + ": username '" + std::string(words[1]) +
                 "' contains invalid characters. ";
    } else if (std::ranges::find(users_, words[1], &AclUser::Name) != users_.end()) {
      errors_ += "WARNING: Duplicate user '" + std::string(words[1]) + "' found on line " +
                 std::to_string(number) + ". ";
    } else {
      users_.emplace_back(words[1], context_);
      ApplyRules(users_.back(), std::span(words).subspan(2));
    }
  }

  tl::expected<std::vector<AclUser>, std::string> Finish() {
    if (errors_.empty()) return std::move(users_);
    return tl::unexpected(
        errors_ +
        "WARNING: ACL errors detected, no change to the previously active ACL rules was performed");
  }

 private:
  void ApplyRules(AclUser& user, std::span<const std::string_view> words) {
    const auto rules = JoinAclSelectors(words);
    if (!rules) {
      errors_ += place_ + ": Unmatched parenthesis in selector definition.";
      return;
    }
    bool has_complained = false;
    for (const std::string& untrimmed : *rules) {
      const std::string rule(Trim(untrimmed, "\t\r\n"));
      const AclRuleError error = user.Apply(rule, context_);
      if (error == AclRuleError::kNone) continue;
      const std::string text(AclRuleErrorText(error));
      // What may hold a password is not shown, and what follows an error may follow from it.
      if (error == AclRuleError::kUnknownCommand) {
        errors_ += place_ + ": Error in applying operation '" + rule + "': " + text + ". ";
      } else if (!has_complained) {
        errors_ += place_ + ": " + text + ". ";
        has_complained = true;
      }
    }
  }

  std::string file_;
  const AclContext& context_;
  std::string place_;
  std::string errors_;
  std::vector<AclUser> users_;
};

}  // namespace

tl::expected<std::vector<AclUser>, std::string> ReadAclFile(std::string_view text,
                                                            std::string_view file,
                                                            const AclContext& context) {
  AclFileReader reader(file, context);
  std::size_t number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    line = Trim(line, " \t\r\n");
    if (!line.empty()) reader.ReadLine(line, number);
  }
  return reader.Finish();
}

std::string WriteAclFile(const AclUsers& users) {
  std::string text;
  for (const std::string& line : users.Lines()) text += line + '\n';
  return text;
}

}  // namespace slotway::protocol
