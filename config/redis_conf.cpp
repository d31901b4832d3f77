// SPDX-License-Identifier: Apache-2.0
#include "config/redis_conf.h"

namespace slotway::config {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// The one that Unescape() takes for `c`; 0: there is none.
char LetterOf(char c) {
  switch (c) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\b':
      return 'b';
    case '\a':
      return 'a';
    default:
      return 0;
  }
}

class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  // False when a quote is left open or runs into a word.
  bool NextWord(std::string& word) {
    while (!rest_.empty() && !IsSpace(rest_.front())) {
      char c = Take();
      if (c == '"' || c == '\'') {
        if (!(c == '"' ? DoubleQuoted(word) : SingleQuoted(word))) return false;
        return rest_.empty() || IsSpace(rest_.front());
      }
      word += c;
    }
    return true;
  }

  bool SkipSpaces() {
    while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
    return !rest_.empty();
  }

 private:
  char Take() {
    char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  bool DoubleQuoted(std::string& word) {
    while (!rest_.empty()) {
      char c = Take();
      if (c == '"') return true;
      if (c != '\\' || rest_.empty()) {
        word += c;
        continue;
      }
      if (rest_.size() >= 3 && rest_[0] == 'x' && HexDigit(rest_[1]) >= 0 &&
          HexDigit(rest_[2]) >= 0) {
        word += static_cast<char>(HexDigit(rest_[1]) * 16 + HexDigit(rest_[2]));
        rest_.remove_prefix(3);
      } else {
        word += Unescape(Take());
      }
    }
    return false;
  }

  bool SingleQuoted(std::string& word) {
    while (!rest_.empty()) {
      char c = Take();
      if (c == '\'') return true;
      if (c == '\\' && !rest_.empty() && rest_.front() == '\'') c = Take();
      word += c;
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<std::string>> SplitConfLine(std::string_view line) {
  std::vector<std::string> words;
  Splitter splitter(line);
  size_t first = line.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && line[first] == '#') return words;
  while (splitter.SkipSpaces()) {
    std::string word;
    if (!splitter.NextWord(word)) return std::nullopt;
    words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> SplitOnSpaces(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    size_t space = text.find(' ');
    words.emplace_back(text.substr(0, space));
    if (space == std::string_view::npos) return words;
    text.remove_prefix(space + 1);
  }
}

std::string QuoteConfWord(std::string_view word) {
  constexpr std::string_view kHex = "0123456789abcdef";
  bool plain = !word.empty() && word.front() != '#';
  std::string quoted = "\"";
  for (char c : word) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (const char letter = LetterOf(c); letter != 0) {
      quoted += '\\';
      quoted += letter;
    } else if (byte < 0x20 || byte >= 0x7f) {
      quoted += "\\x";
      quoted += kHex[byte >> 4];
      quoted += kHex[byte & 15];
    } else {
      quoted += c;
    }
    plain = plain && byte > 0x20 && byte < 0x7f && c != '"' && c != '\'' && c != '\\';
  }
  return plain ? std::string(word) : quoted + '"';
}

}  // namespace slotway::config
