# The part of pipe_engine that speaks to Docker and Podman.
target_sources(pipe_engine PRIVATE
  attached_stream.cpp
  broker_bodies.cpp
  broker_rules.cpp
  broker_session.cpp
  container.cpp
  container_api.cpp
  container_command.cpp
  container_facts.cpp
  container_image_tag.cpp
  container_images.cpp
  container_job.cpp
  container_lead.cpp
  container_leftovers.cpp
  container_probe.cpp
  container_service.cpp
  container_socket.cpp
  docker_broker.cpp
  docker_daemon.cpp
  end_mark.cpp)
target_link_libraries(pipe_engine PRIVATE Boost::headers fmt::fmt nlohmann_json::nlohmann_json)
