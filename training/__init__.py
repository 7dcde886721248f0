"""The pipeline that turns a captioned photo collection into the artifact `service` serves."""
