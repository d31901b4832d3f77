// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_text.h"

namespace slotway::protocol {
namespace {

struct Wordings {
  std::string_view command;
  std::string_view key;
  std::string_view channel;

  std::string Of(AclDenial denial) const {
    if (denial == AclDenial::kKey) return std::string(key);
    return std::string(denial == AclDenial::kChannel ? channel : command);
  }
};

std::string NoRunning(const CommandSpec& spec) {
  return " user has no permissions to run the '" + std::string(spec.name) + "' command";
}

}  // namespace

std::string AclRefusal(const AclVerdict& verdict, const CommandSpec& spec) {
  constexpr Wordings kWordings = {
      "", "NOPERM this user has no permissions to access one of the keys used as arguments",
      "NOPERM this user has no permissions to access one of the channels used as arguments"};
  if (verdict.denial == AclDenial::kCommand) return "NOPERM this" + NoRunning(spec);
  return kWordings.Of(verdict.denial);
}

std::string AclRefusalAtExec(const AclVerdict& verdict) {
  constexpr Wordings kWordings = {
      "no permission to execute the command or subcommand",
      "no permission to touch the specified keys",
      "no permission to access one of the channels used as arguments"};
  return "NOPERM ACLs rules changed between the moment the transaction was accumulated and the "
         "EXEC call. This command is no longer allowed for the following reason: " +
         kWordings.Of(verdict.denial);
}

std::string AclRefusalInScript(const AclVerdict& verdict) {
  constexpr Wordings kWordings = {
      "can't run this command or subcommand",
      "can't access at least one of the keys mentioned in the command arguments",
      "can't publish to the channel mentioned in the command"};
  return "ERR The user executing the script " + kWordings.Of(verdict.denial);
}

std::string AclDryRunText(const AclVerdict& verdict, const CommandSpec& spec,
                          std::span<const std::string_view> args) {
  if (verdict.denial == AclDenial::kCommand) return "This" + NoRunning(spec);
  return "This user has no permissions to access the '" + std::string(args[verdict.index]) +
         (verdict.denial == AclDenial::kKey ? "' key" : "' channel");
}

}  // namespace slotway::protocol
