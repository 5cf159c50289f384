"""The server and its store probes as JSON."""

from rest_framework import serializers


class ServerSerializer(serializers.Serializer):
    version = serializers.CharField(help_text="Of the server.")
    oldest_client_version = serializers.CharField(help_text="The oldest version of the SDK that works with it.")
    time = serializers.DateTimeField(help_text="By the clock of the server.")


class SignedUploadSerializer(serializers.Serializer):
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField(), help_text="To be sent along, to the letter.")


class StoreProbeSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    content = serializers.SerializerMethodField(help_text="The text to PUT, in UTF-8.")
    upload = SignedUploadSerializer()
    download_url = serializers.CharField()

    def get_content(self, probe) -> str:
        return probe.content.decode()
