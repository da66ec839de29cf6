# What Docker and Podman have beyond the contract suite. Those of `container_engine` need a daemon.
pipe_test(engine_container_test
  SOURCES container_api_test.cpp container_command_test.cpp container_probe_test.cpp
  LINKS pipe_engine nlohmann_json::nlohmann_json)
