# Text in, Plan out. The step files of stdlib/ are embedded by name.
set(PIPE_STDLIB_STEPS
  agent/claude-code
  agent/codex
  agent/command
  agent/gemini
  build/cmake
  build/make
  check/file-size
  check/shell-syntax
  check/whitespace
  git/no-conflict-markers)

set(PIPE_STDLIB_ROWS "")
foreach(step ${PIPE_STDLIB_STEPS})
  set(file ${PROJECT_SOURCE_DIR}/stdlib/${step}.yaml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(APPEND PIPE_STDLIB_ROWS "    {\"std/${step}\", R\"PIPE_STEP(${text})PIPE_STEP\"},\n")
endforeach()
list(LENGTH PIPE_STDLIB_STEPS PIPE_STDLIB_COUNT)

set(PIPE_FIREWALL_PRESETS anthropic github google openai web)
set(PIPE_PRESET_ROWS "")
foreach(preset ${PIPE_FIREWALL_PRESETS})
  set(file ${PROJECT_SOURCE_DIR}/stdlib/firewall/${preset}.yaml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(APPEND PIPE_PRESET_ROWS "    {\"${preset}\", R\"PIPE_STEP(${text})PIPE_STEP\"},\n")
endforeach()
list(LENGTH PIPE_FIREWALL_PRESETS PIPE_PRESET_COUNT)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/stdlib/prices.yaml)
file(READ ${PROJECT_SOURCE_DIR}/stdlib/prices.yaml PIPE_PRICES)
configure_file(stdlib.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/stdlib.cpp @ONLY)

pipe_room(dsl_compiler
  SOURCES
    budgets.cpp
    check.cpp
    compile.cpp
    devcontainer.cpp
    devcontainers.cpp
    fields.cpp
    findings.cpp
    firewall_entry.cpp
    firewall_presets.cpp
    foreign_words.cpp
    graph.cpp
    importer.cpp
    inputs.cpp
    link.cpp
    lower.cpp
    lower_agent.cpp
    lower_command.cpp
    lower_criteria.cpp
    lower_docker.cpp
    lower_place.cpp
    lower_mounts.cpp
    lower_task.cpp
    markdown.cpp
    markdown_criteria.cpp
    markdown_pipeline.cpp
    markdown_plan.cpp
    markdown_ticks.cpp
    markdown_words.cpp
    matrix.cpp
    names.cpp
    parse_agent.cpp
    parse_criteria.cpp
    parse_git.cpp
    parse_inputs.cpp
    parse_limits.cpp
    parse_mounts.cpp
    parse_parts.cpp
    parse_pipeline.cpp
    parse_task.cpp
    parse_task_parts.cpp
    prices.cpp
    yaml.cpp
    yaml_builder.cpp
    yaml_mask.cpp
    yaml_scan.cpp
    yaml_value.cpp
    ${CMAKE_CURRENT_BINARY_DIR}/stdlib.cpp
  LINKS pipe_dsl_expression pipe_dsl_vocabulary
  PRIVATE_LINKS fmt::fmt yaml-cpp Boost::headers ${CMARK_EXTENSIONS} PkgConfig::CMARK)
