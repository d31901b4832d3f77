# SPDX-License-Identifier: Apache-2.0
# cmake -DOUTPUT=FILE.cpp "-DFILES=a;b" -P embed_files.cmake
# Writes the files as C++: their names and contents, for proxy/console/console_files.h.

set(text "// Made of the files of proxy/console by cmake/embed_files.cmake.\n")
string(APPEND text "#include \"proxy/console/console_files.h\"\n\nnamespace slotway::proxy {\nnamespace {\n")
set(table "")
set(number 0)
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)"
    "\\1\n" bytes "${bytes}")
  string(APPEND text "const unsigned char kFile${number}[] = {${bytes}0};\n")
  string(APPEND table
    "    {\"${name}\", {reinterpret_cast<const char*>(kFile${number}), sizeof(kFile${number}) - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND text "const ConsoleFile kFiles[] = {\n${table}};\n}  // namespace\n\n")
string(APPEND text "std::span<const ConsoleFile> ConsoleFiles() { return kFiles; }\n\n}  // namespace slotway::proxy\n")
file(WRITE "${OUTPUT}" "${text}")
