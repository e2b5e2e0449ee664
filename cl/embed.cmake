# Writes a C file that holds texts as arrays:
#   cmake -DOUTPUT=f.c -DTYPE=struct -DTABLE=name -DHEADER=h.h -DFILES="a.cl;b.cl" -P embed.cmake
# The table has one {name without extension, text} row a file and ends with {NULL, NULL}.
set(arrays "")
set(rows "")
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME_WE)
    string(MAKE_C_IDENTIFIER "${name}" identifier)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "static const char ${identifier}_text[] = {\n${bytes}0};\n")
    string(APPEND rows "    {\"${name}\", ${identifier}_text},\n")
endforeach()
file(WRITE "${OUTPUT}" "/* Made by cl/embed.cmake. */\n#include \"${HEADER}\"\n\n#include <stddef.h>\n\n${arrays}\nconst struct ${TYPE} ${TABLE}[] = {\n${rows}    {NULL, NULL},\n};\n")
