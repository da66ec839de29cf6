# Docker and Podman: the contract suite, and what they have beyond it.
pipe_contract(docker Docker SOURCES contract_docker.cpp contract_container.cpp LABELS container)
pipe_contract(podman Podman SOURCES contract_podman.cpp contract_container.cpp LABELS container)
set_tests_properties(engine_contract.docker engine_contract.podman PROPERTIES
  RESOURCE_LOCK containers)

pipe_test(engine_container_test
  SOURCES broker_rules_test.cpp container_api_test.cpp container_command_test.cpp
    container_probe_test.cpp end_mark_test.cpp
  LINKS pipe_engine nlohmann_json::nlohmann_json)

pipe_test(engine_container_daemon_test
  SOURCES container_engine_test.cpp
  LINKS pipe_engine pipe_run
  LABELS container)
