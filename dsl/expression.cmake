# Expressions, scripts and the ways out of a Plan. The compiler links it, and so does the runner.
pipe_room(dsl_expression
  SOURCES
    digest.cpp
    export_dot.cpp
    export_mermaid.cpp
    export_text.cpp
    meetings.cpp
    export_words.cpp
    expression.cpp
    expression_calls.cpp
    expression_check.cpp
    expression_checker.cpp
    expression_holes.cpp
    expression_lexer.cpp
    expression_names.cpp
    expression_parser.cpp
    expression_reads.cpp
    expression_remains.cpp
    expression_values.cpp
    expression_wording.cpp
    json_tree.cpp
    plan_change_words.cpp
    plan_changes.cpp
    plan_json_reader.cpp
    plan_json_writer.cpp
    plan_widening.cpp
    sealed_plan.cpp
    shell.cpp
    shell_commands.cpp
    shell_expansions.cpp
    shell_here_documents.cpp
    shell_holes.cpp
    text_origin.cpp
    value_changes.cpp
  LINKS pipe_dsl_vocabulary
  PRIVATE_LINKS fmt::fmt nlohmann_json::nlohmann_json OpenSSL::Crypto)
