// SPDX-License-Identifier: Apache-2.0
#include "protocol/error_text.h"

#include <cstddef>

namespace slotway::protocol::error_text {
namespace {

constexpr std::size_t kShownBytesMax = 128;

// What of a client's bytes an error shows: at most `bytes_max`, up to the first NUL (Redis prints
// them as a C string), on one line.
void AppendShown(std::string& out, std::string_view bytes, std::size_t bytes_max) {
  bytes = bytes.substr(0, bytes_max);
  for (char c : bytes.substr(0, bytes.find('\0'))) {
    out += c == '\r' || c == '\n' ? ' ' : c;
  }
}

}  // namespace

std::string UnknownCommand(std::span<const std::string_view> args) {
  std::string text = "ERR unknown command '";
  if (!args.empty()) AppendShown(text, args[0], kShownBytesMax);
  text += "', with args beginning with: ";
  const std::size_t list_begin = text.size();
  for (std::size_t i = 1; i < args.size(); ++i) {
    const std::size_t list_bytes = text.size() - list_begin;
    if (list_bytes >= kShownBytesMax) break;
    text += '\'';
    AppendShown(text, args[i], kShownBytesMax - list_bytes);
    text += "' ";
  }
  return text;
}

namespace {

std::string BlameSubcommand(std::string text, std::string_view container,
                            std::string_view subcommand) {
  AppendShown(text, subcommand, kShownBytesMax);
  text += "'. Try ";
  for (char c : container) {
    text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  text += " HELP.";
  return text;
}

}  // namespace

std::string UnknownSubcommand(std::string_view container, std::string_view subcommand) {
  return BlameSubcommand("ERR unknown subcommand '", container, subcommand);
}

std::string WrongSubcommandUse(std::string_view container, std::string_view subcommand) {
  return BlameSubcommand("ERR unknown subcommand or wrong number of arguments for '", container,
                         subcommand);
}

std::string NotWhileSubscribed(std::string_view full_name) {
  return "ERR Can't execute '" + std::string(full_name) +
         "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
         "context";
}

std::string WrongArity(std::string_view full_name) {
  std::string text = "ERR wrong number of arguments for '";
  text += full_name;
  text += "' command";
  return text;
}

}  // namespace slotway::protocol::error_text
